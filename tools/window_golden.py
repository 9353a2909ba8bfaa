#!/usr/bin/env python3
"""Logits of the tiny models of tiny_models.py where each query sees the first tokens and the last alone.

    window_golden.py > tests/model/golden/windows.json

transformers computes full attention under a mask of our own: the first `sinks` keys and the last `window`, the query's
own included. Layers with a window of their own keep it, and see no sinks.
"""
import json

import torch

import tiny_models

CASES = [("llama", 100, 5), ("llama3", 33, 32), ("qwen2", 150, 0), ("gemma3", 130, 3)]
LENGTH = 400
ROWS = [20, 64, 107, 200, 255, 256, 300, 361, 399]


def mask_of(window, sinks):
    query = torch.arange(LENGTH)[:, None]
    key = torch.arange(LENGTH)[None, :]
    seen = (key <= query) & ((key > query - window) | (key < sinks))
    return torch.where(seen, 0.0, torch.finfo(torch.float32).min)[None, None]


def main():
    cases = []
    for name, window, sinks in CASES:
        config, model = tiny_models.MODELS[name], tiny_models.make_model(name)
        tokens = torch.randint(0, config.vocab_size, (LENGTH,), generator=torch.Generator().manual_seed(11))
        mask = mask_of(window, sinks)
        if name == "gemma3":
            mask = {"full_attention": mask, "sliding_attention": mask_of(config.sliding_window, 0)}
        with torch.inference_mode():
            logits = model(tokens[None], attention_mask=mask).logits[0]
        cases.append({"model": name, "window": window, "sinks": sinks, "tokens": tokens.tolist(), "rows": ROWS,
                      "logits": [[round(v, 5) for v in logits[row].tolist()] for row in ROWS]})
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
