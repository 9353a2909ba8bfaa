#!/usr/bin/env python3
"""LoRA adapters made by PEFT on the tiny random models of tiny_models.py, with the logits they give.

    lora_golden.py OUT_FOLDER

writes MODEL-ADAPTER/ (a PEFT folder) and MODEL-ADAPTER.json ({"tokens", "every", "logits"}) for every model and
adapter, and llama-wide.gguf, the same adapter as llama.cpp's converter writes it.
"""
import json
import pathlib
import sys

import gguf
import torch
from peft import LoraConfig, get_peft_model

from tiny_models import BLOCK, MODELS, interleave_pairs, make_model

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
FEED_FORWARD = ["gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    "wide": dict(r=4, lora_alpha=8, target_modules=ATTENTION + FEED_FORWARD),
    "stable": dict(r=6, lora_alpha=4, use_rslora=True, alpha_pattern={"layers.1.mlp.up_proj": 9, "v_proj": 2},
                   rank_pattern={"q_proj": 3}, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"]),
}


def make_adapter(name, adapter):
    model = get_peft_model(make_model(name), LoraConfig(**ADAPTERS[adapter])).eval()
    torch.manual_seed(sum(map(ord, name + adapter)))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.normal_(std=0.2)
    return model


def write_gguf(path, model, config):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(ADAPTERS["wide"]["lora_alpha"]))
    for key, value in model.state_dict().items():
        if ".lora_" not in key:
            continue
        path_, kind = key.split(".lora_")
        layer, module = path_.split("layers.")[1].split(".", 1)
        data = value.numpy()
        if kind.startswith("B") and module.endswith("q_proj"):
            data = interleave_pairs(data, config.num_attention_heads)
        if kind.startswith("B") and module.endswith("k_proj"):
            data = interleave_pairs(data, config.num_key_value_heads)
        writer.add_tensor(f"blk.{layer}.{BLOCK[module]}.weight.lora_{kind[0].lower()}", data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in ("llama", "qwen2", "gemma3"):
        for adapter in ADAPTERS:
            model = make_adapter(name, adapter)
            target = folder / f"{name}-{adapter}"
            model.save_pretrained(target)
            (target / "README.md").unlink(missing_ok=True)
            tokens = torch.randint(0, MODELS[name].vocab_size, (40,))
            with torch.inference_mode():
                logits = model(tokens[None]).logits[0]
            rows = [[round(v, 5) for v in row] for row in logits[::13].tolist()]
            (folder / f"{name}-{adapter}.json").write_text(
                json.dumps({"tokens": tokens.tolist(), "every": 13, "logits": rows}))
            if (name, adapter) == ("llama", "wide"):
                write_gguf(folder / "llama-wide.gguf", model, MODELS[name])


if __name__ == "__main__":
    main()
