#!/usr/bin/env python3
"""Tiny random models of each architecture with transformers' logits, for tests of the decoder.

Writes NAME.gguf (float16 weights, exactly those transformers computes with) and NAME.json
({"tokens": [...], "logits": [[...], ...]}) for every architecture into a folder:

    tiny_models.py OUT_FOLDER
"""
import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen2Config

SHARED = dict(vocab_size=96, hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2,
              head_dim=32, max_position_embeddings=512, rms_norm_eps=1e-6)
LLAMA3_ROPE = dict(rope_type="llama3", rope_theta=50000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=32)
MODELS = {
    "llama": LlamaConfig(**SHARED, num_hidden_layers=2, tie_word_embeddings=False),
    "llama3": LlamaConfig(**SHARED, num_hidden_layers=2, tie_word_embeddings=True, rope_parameters=LLAMA3_ROPE),
    "qwen2": Qwen2Config(**{k: v for k, v in SHARED.items() if k != "head_dim"} | {"num_attention_heads": 2, "num_key_value_heads": 1},
                         num_hidden_layers=2, tie_word_embeddings=False),
    "gemma3": Gemma3TextConfig(**SHARED, num_hidden_layers=7, sliding_window=24, query_pre_attn_scalar=32,
                               rope_parameters={"full_attention": dict(rope_type="default", rope_theta=1e6),
                                                "sliding_attention": dict(rope_type="default", rope_theta=1e4)}),
}
BLOCK = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
}
LLAMA_BLOCK = BLOCK | {"post_attention_layernorm": "ffn_norm"}
GEMMA_BLOCK = BLOCK | {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                       "post_feedforward_layernorm": "post_ffw_norm"}
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(name, block_names):
    stem, kind = name.rsplit(".", 1)
    if stem in TOP:
        return f"{TOP[stem]}.{kind}"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{block_names[rest]}.{kind}"


def interleave_pairs(weight, heads):
    """Llama files hold rotary pairs side by side."""
    rows, cols = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def llama3_factors(model, config):
    base = 1.0 / (config.rope_parameters["rope_theta"] ** (np.arange(0, 32, 2, dtype=np.float64) / 32))
    return (base / model.model.rotary_emb.inv_freq.double().numpy()).astype(np.float32)


def write_gguf(path, name, model, config):
    arch = {"llama3": "llama"}.get(name, name)
    writer = gguf.GGUFWriter(path, arch)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(32)
    writer.add_value_length(32)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if name == "gemma3":
        writer.add_sliding_window(config.sliding_window)
    if name == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(model, config))
    names = GEMMA_BLOCK if name == "gemma3" else LLAMA_BLOCK
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        data = value.numpy()
        if arch == "llama" and "q_proj" in key:
            data = interleave_pairs(data, config.num_attention_heads)
        if arch == "llama" and "k_proj" in key:
            data = interleave_pairs(data, config.num_key_value_heads)
        if name == "gemma3" and "norm" in key:
            data = data + 1
        writer.add_tensor(gguf_name(key, names), data.astype(np.float16 if data.ndim == 2 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_model(name):
    """A random model whose weights f16 holds exactly; the same one each time."""
    config = MODELS[name]
    torch.manual_seed(7)
    config.attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.25)
            else:
                parameter.normal_(std=0.1).add_(0.0 if name == "gemma3" else 1.0)
            parameter.copy_(parameter.half().float())
    return model


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in MODELS.items():
        model = make_model(name)
        tokens = torch.randint(0, config.vocab_size, (80,))
        with torch.inference_mode():
            logits = model(tokens[None]).logits[0]
        write_gguf(folder / f"{name}.gguf", name, model, config)
        rows = [[round(v, 5) for v in row] for row in logits[::13].tolist()]
        (folder / f"{name}.json").write_text(json.dumps({"tokens": tokens.tolist(), "every": 13, "logits": rows}))


if __name__ == "__main__":
    main()
