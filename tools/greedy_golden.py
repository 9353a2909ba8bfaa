#!/usr/bin/env python3
"""Greedy text of a GGUF model as transformers computes it, for tests of the decoder.

The weights are dequantized to float32 by transformers; the prompts are the first problems of HumanEval.
Writes JSON: for each prompt its ids and, per generated token, the most likely tokens with their logits.

    greedy_golden.py MODEL.gguf HumanEval.jsonl OUT.json [--prompts 20] [--tokens 64] [--top 3]
"""
import argparse
import json
import pathlib

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def generate(model, ids, tokens, top):
    steps, cache, given = [], None, torch.tensor([ids])
    for _ in range(tokens):
        out = model(given, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        best = torch.topk(out.logits[0, -1], top)
        steps.append([[int(i), round(float(v), 4)] for i, v in zip(best.indices, best.values)])
        given = best.indices[:1].view(1, 1)
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("problems", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--top", type=int, default=3)
    args = parser.parse_args()

    source = dict(pretrained_model_name_or_path=args.model.parent, gguf_file=args.model.name)
    tokenizer = AutoTokenizer.from_pretrained(**source)
    model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32).eval()
    problems = [json.loads(line) for line in args.problems.open()][: args.prompts]
    cases = []
    with torch.inference_mode():
        for number, problem in enumerate(problems):
            ids = tokenizer(problem["prompt"])["input_ids"]
            cases.append({"prompt": ids, "steps": generate(model, ids, args.tokens, args.top)})
            print(f"{args.model.name}: {number + 1}/{len(problems)}", flush=True)
    args.out.write_text(json.dumps({"model": args.model.name, "cases": cases}, separators=(",", ":")))


if __name__ == "__main__":
    main()
