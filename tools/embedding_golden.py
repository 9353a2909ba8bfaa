#!/usr/bin/env python3
"""Embeddings of a GGUF model as transformers computes them, for tests of the engine.

The weights are dequantized to float32 by transformers; the states after the output norm are pooled (mean over
all tokens, and the last token's) and normalized. Writes JSON: for each text its ids and both vectors.

    embedding_golden.py MODEL.gguf OUT.json
"""
import argparse
import json
import pathlib

import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = ["Paris is the capital of France.",
         "Water boils at a lower temperature on high mountains, because the air presses less on its surface there."]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    source = dict(pretrained_model_name_or_path=args.model.parent, gguf_file=args.model.name)
    tokenizer = AutoTokenizer.from_pretrained(**source)
    model = AutoModel.from_pretrained(**source, dtype=torch.float32).eval()
    rows = []
    with torch.no_grad():
        for text in TEXTS:
            ids = tokenizer.encode(text)
            states = model(torch.tensor([ids])).last_hidden_state[0].double()
            pooled = {"mean": states.mean(0), "last": states[-1]}
            rows.append({"ids": ids} | {name: [round(float(v), 6) for v in vector / vector.norm()]
                                        for name, vector in pooled.items()})
    args.out.write_text("[" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "]\n")


main()
