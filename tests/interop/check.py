"""What datasets, TRL and PEFT make of our files, and we of theirs, on the processor. `make interop` runs it.

usage: check.py PLUMB WORK, the program, whose models are where it looks for them, and a folder that is made.

Both sides read the same samples with the same weights as 32-bit floats, and say how likely the answers are: without an
adapter, under those that `plumb train sft` made (one laid over everything, one over answers alone), and under one that TRL made.
"""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from datasets import load_dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import apply_chat_template

MODEL = "smollm2-135m-instruct-q4_1"
# Ours in f32 and torch's differ by the order of their sums only.
NEAR = 1e-3
# Layers of every sort, and a step size that moves the factors in three steps.
SETTINGS = """
seed = 3
[lora]
r = 4
alpha = 8.0
dropout = 0.0
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
[optimiser]
learning_rate = 5e-3
[batch]
pack = 2048
longest = 2048
accumulation = 1
max_steps = 3
evaluate_on = 8
"""


class Plumb:
    def __init__(self, program, work):
        self.program = program
        where = {"PLUMB_MODELS": self.models(), "PLUMB_MODEL": MODEL, "PLUMB_HOME": str(work / "workspace")}
        how = {"PLUMB_ENGINE_WEIGHTS": "f32", "PLUMB_ENGINE_DEVICE": "cpu", "PLUMB_PERSON": "interop", "PLUMB_LANG": "en"}
        self.env = {**os.environ, **where, **how}

    def models(self):
        told = subprocess.run([self.program, "config", "--json"], stdout=subprocess.PIPE, text=True, check=True)
        return next(setting["value"] for setting in json.loads(told.stdout) if setting["key"] == "models_dir")

    def __call__(self, *words):
        words = [self.program, *map(str, words)]
        done = subprocess.run(words, env=self.env, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(words)}: exit status {done.returncode}")
        return done.stdout


def check(holds, what):
    print("ok  " if holds else "FAIL", what, flush=True)
    if not holds:
        sys.exit(1)


def some_samples(plumb, work):
    """A dataset, and a folder with a few short samples of it to learn from and to measure on."""
    plumb("dataset", "build", "--samples", 200, "--out", work / "dataset")
    lines = (work / "dataset" / "train.jsonl").read_text().splitlines()
    short = [line for line in lines if len(line) < 3000 and not json.loads(line).get("given")]
    few = work / "few"
    few.mkdir()
    (few / "train.jsonl").write_text("\n".join(short[:16]) + "\n")
    (few / "valid.jsonl").write_text("\n".join(short[16:24]) + "\n")
    return few


def formats(plumb, work, few, tokenizer):
    """Every file that is exported loads, and its messages fill the chat template."""
    for framework in ("trl", "ms-swift"):
        out = work / framework
        plumb("export", framework, out, "--data", few)
        for path in sorted((out / "data").glob("*.jsonl")):
            if path.stat().st_size == 0:
                continue
            rows = load_dataset("json", data_files=str(path), split="train", cache_dir=str(work / "cache"))
            if framework == "trl":
                text = apply_chat_template(rows[0], tokenizer)
                holds = text["prompt"].endswith("assistant\n") and bool(rows[0].get("completion", "-"))
            else:
                holds = bool(tokenizer.apply_chat_template(rows[0]["messages"], tokenize=False))
            check(holds and len(rows) > 0, f"{framework} {path.name}: {len(rows)} rows with {', '.join(rows.column_names)}")


def loss_of(model, tokenizer, path):
    """The mean of -log p over the tokens of the answers and their ends."""
    total, count = 0.0, 0
    for line in path.read_text().splitlines():
        messages = json.loads(line)["messages"]
        prompt = tokenizer.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
        before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        answer = tokenizer(messages[2]["content"], add_special_tokens=False)["input_ids"]
        answer.append(tokenizer.convert_tokens_to_ids("<|im_end|>"))
        with torch.no_grad():
            logits = model(torch.tensor([before + answer])).logits[0, len(before) - 1 : -1]
        total -= torch.log_softmax(logits.double(), -1)[range(len(answer)), answer].sum().item()
        count += len(answer)
    return total / count


def as_on_a_hub(base, tokenizer, folder):
    """The same weights in a folder of their own, which do not say that they once were blocks."""
    config = copy.deepcopy(base.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(base.state_dict())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def losses_of(plumb, few, run, *more):
    """What `plumb train sft` measures before its first step and after its last."""
    told = json.loads(plumb("train", "sft", "--data", few, "--run", run, "--json", *more))
    return told["first"]["valid_loss"], told["last"]["valid_loss"]


def main(program, work):
    work = Path(work).resolve()
    work.mkdir(parents=True)
    plumb = Plumb(program, work)
    weights = Path(plumb.env["PLUMB_MODELS"]) / MODEL
    file = next(weights.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(weights, gguf_file=file)
    base = AutoModelForCausalLM.from_pretrained(weights, gguf_file=file, dtype=torch.float32).eval()

    hub = work / "base"
    as_on_a_hub(base, tokenizer, hub)

    few = some_samples(plumb, work)
    formats(plumb, work, few, tokenizer)

    settings = work / "settings.toml"
    settings.write_text(SETTINGS)
    before, after = losses_of(plumb, few, "ours", "--settings", settings)
    valid = few / "valid.jsonl"
    theirs = loss_of(base, tokenizer, valid)
    check(abs(before - theirs) < NEAR, f"the base: {before:.5f} here, {theirs:.5f} with transformers")
    adapter = work / "workspace" / "runs" / "ours" / "adapter"
    theirs = loss_of(PeftModel.from_pretrained(base, adapter).eval(), tokenizer, valid)
    check(abs(before - after) > 0.1, f"the adapter changes what it says: {before:.3f} to {after:.3f}")
    check(abs(after - theirs) < NEAR, f"our adapter: {after:.5f} here, {theirs:.5f} with PEFT")

    # Laid over the answers alone, the papers are read as the base reads them: in both.
    alone = work / "answers.toml"
    alone.write_text('over = "answers"\n' + SETTINGS)
    _, after = losses_of(plumb, few, "answers", "--settings", alone)
    activated = work / "workspace" / "runs" / "answers" / "adapter"
    base = AutoModelForCausalLM.from_pretrained(hub, dtype=torch.float32).eval()
    theirs = loss_of(PeftModel.from_pretrained(base, activated).eval(), tokenizer, valid)
    check(abs(before - after) > 0.1, f"laid over answers, it changes them too: {before:.3f} to {after:.3f}")
    check(abs(after - theirs) < NEAR, f"our activated adapter: {after:.5f} here, {theirs:.5f} with PEFT")

    # TRL trains from the folder as it was exported.
    env = {**os.environ, "BASE": str(hub), "OUT": str(work / "out"), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "trl_train.py", "sft"], cwd=work / "trl", env=env)
    check(done.returncode == 0, "TRL trains from what was exported")
    trained = work / "out" / "sft"
    told = json.loads(plumb("adapters", "import", trained, "--name", "theirs", "--json"))
    check(told["matched"] == told["tensors"] > 0, f"{told['matched']} of {told['tensors']} tensors of TRL's adapter belong to a layer")
    ours = losses_of(plumb, few, "theirs", "--settings", settings, "--from", trained)[0]
    base = AutoModelForCausalLM.from_pretrained(hub, dtype=torch.float32).eval()
    theirs = loss_of(PeftModel.from_pretrained(base, trained).eval(), tokenizer, valid)
    check(abs(ours - theirs) < NEAR, f"TRL's adapter: {ours:.5f} here, {theirs:.5f} with PEFT")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
