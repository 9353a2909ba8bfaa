#!/usr/bin/env python3
"""Distributions that samplers must give, for src/sample/sampler_test.cc.

Temperature, top-k, top-p, min-p, typical and the repetition penalty come from transformers; presence and frequency
penalties follow the formula of OpenAI's API reference; DRY and XTC are written here straight from their definitions
(quadratic, no cleverness). Writes a JSON array of {name, vocab, params, history, logits, probabilities}; probabilities
lists [token, probability] of those above zero.

    sampler_golden.py > src/sample/testdata/sampler_golden.json
"""
import json

import numpy as np
import torch
from transformers import (MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper,
                          TopPLogitsWarper, TypicalLogitsWarper)

random = np.random.default_rng(11)


def dry(logits, history, multiplier, base, allowed_length, last_n=-1, breakers=()):
    """For each token: the longest end of history that stood before an earlier occurrence of it."""
    window = history if last_n < 0 else history[len(history) - min(last_n, len(history)):]
    clear = len(window)  # tokens after the last breaker
    for start in range(len(window) - 1, -1, -1):
        sizes = [len(b) for b in breakers if window[start:start + len(b)] == b]
        if sizes:
            clear = len(window) - start - max(sizes)
            break
    out = logits.clone()
    for token in set(window):
        if [token] in [list(b) for b in breakers]:
            continue
        best = 0
        for at in [i for i, t in enumerate(window) if t == token]:
            length = 0
            while length < min(at, clear) and window[at - 1 - length] == window[len(window) - 1 - length]:
                length += 1
            best = max(best, length)
        if best > 0 and best >= allowed_length:
            out[0, token] -= multiplier * base ** (best - allowed_length)
    return out


def xtc(logits, threshold):
    """With probability 1: of the tokens above the threshold only the least likely stays."""
    probabilities = torch.softmax(logits, -1)[0]
    top = [t for t in range(len(probabilities)) if probabilities[t] >= threshold]
    out = logits.clone()
    if len(top) >= 2:
        stays = min(top, key=lambda t: probabilities[t])
        for t in top:
            if t != stays:
                out[0, t] = -torch.inf
    return out


def expected(logits, history, p):
    ids = torch.tensor([history], dtype=torch.long)
    x = torch.tensor([logits], dtype=torch.float64)
    for token, bias in p.get("logit_bias", []):
        x[0, token] += bias
    last_n = p.get("penalty_last_n", -1)
    seen = history if last_n < 0 else history[len(history) - min(last_n, len(history)):]
    if "repetition_penalty" in p and seen:
        x = RepetitionPenaltyLogitsProcessor(p["repetition_penalty"])(torch.tensor([seen]), x)
    for token in set(seen):
        x[0, token] -= seen.count(token) * p.get("frequency_penalty", 0.0) + p.get("presence_penalty", 0.0)
    if "dry_multiplier" in p:
        x = dry(x, history, p["dry_multiplier"], p.get("dry_base", 1.75), p.get("dry_allowed_length", 2),
                p.get("dry_penalty_last_n", -1), p.get("dry_sequence_breakers", []))
    if "top_k" in p:
        x = TopKLogitsWarper(p["top_k"])(ids, x)
    if "typical_p" in p:
        x = TypicalLogitsWarper(p["typical_p"])(ids, x)
    if "top_p" in p:
        x = TopPLogitsWarper(p["top_p"])(ids, x)
    if "min_p" in p:
        x = MinPLogitsWarper(p["min_p"])(ids, x)
    if "xtc_probability" in p:
        x = xtc(x, p["xtc_threshold"])
    if "temperature" in p:
        x = TemperatureLogitsWarper(p["temperature"])(ids, x)
    return torch.softmax(x, -1)[0].tolist()


def case(name, vocab, params, history=(), spread=3.0):
    logits = (np.round(random.normal(size=vocab) * spread * 256) / 256).tolist()
    history = [int(t) for t in history]
    probabilities = expected(logits, history, params)
    kept = [[t, float(f"{p:.9g}")] for t, p in enumerate(probabilities) if p > 0]
    return {"name": name, "vocab": vocab, "params": params, "history": history, "logits": logits,
            "probabilities": kept}


def cases():
    yield case("plain", 12, {})
    yield case("plain_large", 300, {})
    for t in (0.2, 0.7, 1.0, 1.7):
        yield case(f"temperature_{t}", 40, {"temperature": t})
    for k in (1, 2, 3, 10, 39):
        yield case(f"top_k_{k}", 40, {"top_k": k})
    yield case("top_k_5_of_300", 300, {"top_k": 5, "temperature": 0.8})
    for q in (0.05, 0.5, 0.9, 0.95, 0.999):
        yield case(f"top_p_{q}", 40, {"top_p": q})
    yield case("top_p_of_flat_300", 300, {"top_p": 0.97}, spread=0.1)
    for q in (0.01, 0.1, 0.5, 1.0):
        yield case(f"min_p_{q}", 40, {"min_p": q})
    for q in (0.1, 0.5, 0.9):
        yield case(f"typical_{q}", 40, {"typical_p": q}, spread=1.5)
    yield case("typical_of_300", 300, {"typical_p": 0.7}, spread=1.0)
    yield case("top_k_top_p", 40, {"top_k": 12, "top_p": 0.8})
    yield case("top_p_min_p", 60, {"top_p": 0.95, "min_p": 0.05}, spread=1.0)
    yield case("everything_truncated", 300,
               {"top_k": 50, "typical_p": 0.95, "top_p": 0.9, "min_p": 0.02, "temperature": 0.6}, spread=1.0)
    history = random.integers(0, 20, size=60)
    yield case("repetition", 20, {"repetition_penalty": 1.3}, history[:9])
    yield case("repetition_below_one", 20, {"repetition_penalty": 0.8}, history[:9])
    yield case("presence", 20, {"presence_penalty": 0.7}, history[:12])
    yield case("frequency", 20, {"frequency_penalty": 0.4}, history)
    yield case("frequency_negative", 20, {"frequency_penalty": -0.3}, history)
    yield case("penalties_last_7", 20, {"penalty_last_n": 7, "repetition_penalty": 1.2, "presence_penalty": 0.5,
                                        "frequency_penalty": 0.25}, history)
    yield case("penalties_of_nothing", 20, {"penalty_last_n": 0, "presence_penalty": 2.0}, history)
    yield case("bias", 20, {"logit_bias": [[3, 5.5], [7, -100.0], [11, 2.0]]}, history)
    small = random.integers(0, 4, size=80)
    for length in (1, 2, 4):
        yield case(f"dry_{length}", 6, {"dry_multiplier": 0.8, "dry_allowed_length": length}, small)
    yield case("dry_base", 6, {"dry_multiplier": 0.3, "dry_base": 1.2, "dry_allowed_length": 1}, small)
    yield case("dry_last_n", 6, {"dry_multiplier": 0.8, "dry_penalty_last_n": 15, "dry_allowed_length": 1}, small)
    repeated = [1, 2, 3, 4, 1, 2, 3, 5, 0, 9, 1, 2, 3, 4, 8, 1, 2, 3]
    dry_one = {"dry_multiplier": 1.0, "dry_allowed_length": 2}
    yield case("dry_repeated", 12, dry_one, repeated)
    yield case("dry_breaker", 12, dry_one | {"dry_sequence_breakers": [[1]]}, repeated)
    yield case("dry_long_breaker", 12, dry_one | {"dry_sequence_breakers": [[8, 1], [7], [0, 9, 1]]}, repeated)
    yield case("dry_breaker_token_is_spared", 12, dry_one | {"dry_sequence_breakers": [[4]]}, repeated)
    yield case("dry_all_the_same", 6, {"dry_multiplier": 0.001, "dry_allowed_length": 2}, [3] * 10)
    for threshold in (0.05, 0.1, 0.3, 0.5):
        yield case(f"xtc_{threshold}", 30, {"xtc_probability": 1.0, "xtc_threshold": threshold}, spread=1.5)
    yield case("xtc_after_top_k", 300, {"xtc_probability": 1.0, "xtc_threshold": 0.1, "top_k": 8,
                                        "temperature": 1.5}, spread=1.0)
    yield case("all_of_it", 300, {"repetition_penalty": 1.1, "presence_penalty": 0.2, "frequency_penalty": 0.1,
                                  "dry_multiplier": 0.8, "dry_allowed_length": 1, "top_k": 40, "typical_p": 0.98,
                                  "top_p": 0.95, "min_p": 0.01, "xtc_probability": 1.0, "xtc_threshold": 0.15,
                                  "temperature": 0.9}, random.integers(0, 300, size=200), spread=1.0)


print("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases()) + "]")
