#!/usr/bin/env python3
"""Writes src/quant/testdata/decode.bin: random blocks of every storage format and what the `gguf` package's
dequantization makes of them.

The file is a sequence of records: name (8 bytes, zero-padded), stored byte count and value count (two
little-endian uint32), the stored bytes, the values as float32. Stored bits are random, so every packing bit
matters; scales are ordinary ones and, in a third of the blocks, extreme ones (zero, subnormal, largest,
negative), but never NaN, whose bits mean nothing.

Needs: numpy, gguf. Usage: quant_decode.py OUTPUT
"""
import struct
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

EXTREME = np.array([0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF], np.uint16)
# Byte offsets of the f16 scales in a block of each format.
SCALES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}


def stored_rows(rng, kind, blocks):
    size = GGML_QUANT_SIZES[kind][1]
    if kind == T.F32:
        return rng.standard_normal((1, blocks), np.float32).view(np.uint8)
    if kind in (T.F16, T.BF16):
        bits = np.arange(0, 1 << 16, 97, dtype=np.uint16)
        infinity = 0x7C00 if kind == T.F16 else 0x7F80
        return bits[(bits & 0x7FFF) <= infinity].reshape(1, -1).view(np.uint8)
    rows = rng.integers(0, 256, (blocks, size), np.uint8)
    for offset in SCALES[kind]:
        scale = rng.normal(0, 0.02, blocks).astype(np.float16).view(np.uint16)
        scale[::3] = rng.choice(EXTREME, len(scale[::3]))
        rows[:, offset:offset + 2] = scale.reshape(-1, 1).view(np.uint8)
    return rows.reshape(1, -1)


def main():
    rng = np.random.default_rng(20240607)
    with open(sys.argv[1], "wb") as out:
        for kind in [T.F32, T.F16, T.BF16, *SCALES]:
            values_per_block = GGML_QUANT_SIZES[kind][0]
            stored = stored_rows(rng, kind, 64 if values_per_block == 1 else 384 // values_per_block * 6)
            values = dequantize(stored, kind).astype(np.float32)
            out.write(struct.pack("<8sII", kind.name.encode(), stored.size, values.size))
            out.write(stored.tobytes() + values.tobytes())


main()
