"""python3 trl_train.py sft|rm|grpo — trains with TRL; `accelerate launch trl_train.py ...` on many GPUs.

BASE names the model, OUT the output folder, ADAPTER an adapter that GRPO begins with.
"""

import os
import sys

import torch
from datasets import load_dataset
from peft import LoraConfig
from trl import GRPOConfig, GRPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

import plumb_rewards

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.environ.get("BASE", "@BASE@")
OUT = os.environ.get("OUT", "output")
CARD = torch.cuda.is_available()
# What every training has in common: on the processor, 32-bit floats.
COMMON = {"bf16": CARD, "use_cpu": not CARD, "report_to": "none"}


def data(name):
    return load_dataset("json", data_files=os.path.join(HERE, "data", f"{name}.jsonl"), split="train")


def lora(task):
    return LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type=task)


def warmup(share):
    """The share of the steps in which the step size rises: transformers 5 takes it as `warmup_steps`."""
    old = "warmup_ratio" in SFTConfig.__dataclass_fields__
    return {"warmup_ratio" if old else "warmup_steps": share}


def reward(name):
    def function(completions, **columns):
        return plumb_rewards.each(name, completions, columns)

    function.__name__ = f"plumb_{name}"
    return function


def sft():
    settings = SFTConfig(OUT + "/sft", learning_rate=2e-4, lr_scheduler_type="cosine", num_train_epochs=1,
                         assistant_only_loss=False, completion_only_loss=True, **warmup(0.03), **COMMON)
    return SFTTrainer(BASE, args=settings, train_dataset=data("sft"), peft_config=lora("CAUSAL_LM"))


def rm():
    settings = RewardConfig(OUT + "/rm", learning_rate=1e-4, center_rewards_coefficient=0.01, num_train_epochs=1,
                            **COMMON)
    return RewardTrainer(BASE, args=settings, train_dataset=data("rm"), peft_config=lora("SEQ_CLS"))


def grpo():
    settings = GRPOConfig(OUT + "/grpo", learning_rate=2e-4, num_generations=8, max_completion_length=256, beta=0.04,
                          epsilon=0.2, epsilon_high=0.28, loss_type="dr_grpo", temperature=1.0,
                          reward_weights=list(plumb_rewards.WEIGHTS.values()), **COMMON)
    model, config = BASE, lora("CAUSAL_LM")
    if os.environ.get("ADAPTER"):
        from peft import AutoPeftModelForCausalLM

        model, config = AutoPeftModelForCausalLM.from_pretrained(os.environ["ADAPTER"], is_trainable=True), None
    functions = [reward(name) for name in plumb_rewards.WEIGHTS]
    return GRPOTrainer(model, functions, args=settings, train_dataset=data("grpo"), peft_config=config)


if __name__ == "__main__":
    kinds = {"sft": sft, "rm": rm, "grpo": grpo}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    trainer = kinds[sys.argv[1]]()
    trainer.train()
    trainer.save_model()
