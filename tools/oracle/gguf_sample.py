#!/usr/bin/env python3
"""Writes src/gguf/testdata/sample.gguf with the `gguf` package: every metadata type, arrays, and one tensor
of each storage format. gguf_test reads it, and makes the same file, byte for byte, with our writer.

Needs: numpy, gguf. Usage: gguf_sample.py OUTPUT
"""
import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

FORMATS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]


def main():
    writer = GGUFWriter(sys.argv[1], "sample")
    writer.add_custom_alignment(64)
    writer.add_uint8("u8", 200)
    writer.add_int8("i8", -100)
    writer.add_uint16("u16", 60000)
    writer.add_int16("i16", -30000)
    writer.add_uint32("u32", 4000000000)
    writer.add_int32("i32", -2000000000)
    writer.add_float32("f32", 0.1)
    writer.add_bool("bool", True)
    writer.add_string("string", "平替 \"quoted\"\n")
    writer.add_uint64("u64", 1 << 63)
    writer.add_int64("i64", -(1 << 62))
    writer.add_float64("f64", 0.1)
    writer.add_key_value("ints", [1, -2, 3], GGUFValueType.ARRAY, GGUFValueType.INT32)
    writer.add_key_value("floats", [0.5, -1.25], GGUFValueType.ARRAY, GGUFValueType.FLOAT32)
    writer.add_key_value("bools", [True, False, True], GGUFValueType.ARRAY, GGUFValueType.BOOL)
    writer.add_array("strings", ["a", "", "平替", "Ġthe"])
    for index, name in enumerate(FORMATS):
        kind = GGMLQuantizationType[name]
        block_values, block_bytes = GGML_QUANT_SIZES[kind]
        row_bytes = 256 // block_values * block_bytes
        # Three rows of 256 values whose stored byte i is (i * 7 + index) mod 251.
        data = ((np.arange(3 * row_bytes) * 7 + index) % 251).astype(np.uint8).reshape(3, row_bytes)
        writer.add_tensor(f"tensor.{name}", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
