"""Makes this folder: a tiny Qwen3-VL of random weights, and what Hugging Face's own code makes of a picture.

    pip install torch transformers==4.57.1 pillow
    python make.py

Nothing is downloaded and no trained weight goes in: the weights are drawn here from one seed and rounded to bfloat16, as
in the published checkpoints; everything is then calculated in float32 (float64 gives the same to 1e-4).
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration

HERE = Path(__file__).parent
SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
WIDTH, HEIGHT = 80, 56
STEPS = 6


def tokenizer():
    """Every byte is a token; then the special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    made.save(str(HERE / "tokenizer.json"), pretty=False)
    return made


def config(ids):
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 272,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
            "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": [4, 2, 2]},
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 3,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_heads": 2,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": 32,
            "num_position_embeddings": 36,
            "deepstack_visual_indexes": [0, 1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def write(plain):
    """What the published `config.json` says too, and no more."""
    top = ["model_type", "image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id"]
    text = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
    text += ["num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_theta"]
    text += ["rope_scaling", "attention_bias", "tie_word_embeddings"]
    vision = ["depth", "hidden_size", "hidden_act", "intermediate_size", "num_heads", "in_channels", "patch_size"]
    vision += ["spatial_merge_size", "temporal_patch_size", "out_hidden_size", "num_position_embeddings"]
    vision += ["deepstack_visual_indexes"]
    kept = {key: plain[key] for key in top}
    kept["text_config"] = {key: plain["text_config"][key] for key in text}
    kept["vision_config"] = {key: plain["vision_config"][key] for key in vision}
    (HERE / "config.json").write_text(json.dumps(kept, indent=1) + "\n")


def levels(pixels):
    """The pictures' own numbers, 0 to 255: a quarter of the size."""
    return ((pixels * 0.5 + 0.5) * 255).round().to(torch.uint8)


def draw(model):
    """Weights large enough that every part of every block shows in the logits."""
    generator = torch.Generator().manual_seed(22)
    for name, tensor in model.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() == 1:
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            tensor.data = centre + 0.2 * noise
        elif "embed" in name and "proj" not in name:
            tensor.data = (1.0 if "pos_embed" in name else 0.3) * noise
        else:
            loud = ["q_proj", "k_proj", "qkv", "o_proj", "down_proj"]
            gain = 2.0 if any(part in name for part in loud) else 1.0
            tensor.data = gain * noise / tensor[0].numel() ** 0.5
        tensor.data = tensor.data.bfloat16().float()


def picture(width, height):
    """Two bars on a shaded ground, the same everywhere."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([(5 * x) % 256, (6 * y) % 256, (3 * x + 4 * y) % 256], -1).astype(np.uint8)
    pixels[height // 3 :, width // 6 : width // 3] = [200, 30, 40]
    pixels[height // 2 :, width // 2 : width * 2 // 3] = [20, 60, 220]
    return Image.fromarray(pixels)


def main():
    torch.set_grad_enabled(False)
    words = tokenizer()
    ids = {name: words.token_to_id(name) for name in SPECIAL}
    made = config(ids)
    model = Qwen3VLForConditionalGeneration._from_config(made, attn_implementation="eager").eval()
    draw(model)
    model.tie_weights()
    weights = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    save_file(weights, HERE / "model.safetensors", metadata={"format": "pt"})
    write(made.to_dict())

    # `size` is overwritten by transformers 4.57.1; these two are not.
    processor = Qwen2VLImageProcessor(
        patch_size=4, merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3, min_pixels=64 * 8 * 8, max_pixels=1280 * 8 * 8
    )
    image = picture(WIDTH, HEIGHT)
    image.save(HERE / "picture.png")
    seen = processor(images=image, return_tensors="pt")
    grid, pixels = seen["image_grid_thw"], seen["pixel_values"]
    other = processor(images=picture(101, 61), return_tensors="pt")
    picture(101, 61).save(HERE / "larger.png")

    pads = int(grid.prod()) // 4
    prompt = (
        "<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * pads + "<|vision_end|>Read it.<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    tokens = torch.tensor([words.encode(prompt, add_special_tokens=False).ids])
    positions, _ = model.model.get_rope_index(tokens, grid, None)
    kept = {"pixels": levels(pixels), "grid": grid[0], "tokens": tokens[0], "positions": positions[:, 0]}
    # Every fourth patch is enough.
    kept |= {"larger.pixels": levels(other["pixel_values"])[::4], "larger.grid": other["image_grid_thw"][0]}

    visual = model.model.visual
    kept["patches"] = visual.patch_embed(pixels)
    kept["interpolated"] = visual.fast_pos_embed_interpolate(grid)
    kept["image"], deep = visual(pixels, grid_thw=grid)
    kept |= {f"deep.{i}": states for i, states in enumerate(deep)}

    double = Qwen3VLForConditionalGeneration._from_config(made, attn_implementation="eager").eval().double()
    double.load_state_dict(model.state_dict())
    run = {"pixel_values": pixels, "image_grid_thw": grid}
    logits = model(tokens, attention_mask=torch.ones_like(tokens), **run).logits[0]
    exact = double(tokens, attention_mask=torch.ones_like(tokens), **{**run, "pixel_values": pixels.double()}).logits[0]
    print("float32 beside float64, all positions:", (logits - exact).abs().max().item())
    kept["logits"] = logits[-8:]

    # Word by word with the cache, as it is used.
    answer = model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        **run,
        max_new_tokens=STEPS,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
        eos_token_id=None,
        pad_token_id=0,
    )
    kept["answer"] = answer.sequences[:, tokens.shape[1] :][0]
    kept["steps"] = torch.cat(answer.logits)
    save_file({k: v.contiguous() for k, v in kept.items()}, HERE / "expected.safetensors")
    for name, tensor in kept.items():
        print(name, tuple(tensor.shape), float(tensor.abs().max()))
    print("answer", kept["answer"])


main()
