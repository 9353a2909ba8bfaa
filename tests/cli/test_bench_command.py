"""`pingti bench --json`: what it says of the kernels and of the machine, never how fast it was."""
import json
import os
import re
import subprocess

import pytest

BINARY = os.environ.get("PINGTI_BINARY", "")
MODEL = os.environ.get("PINGTI_TEST_MODEL", "")
pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set")


def bench(*arguments, **environment):
    command = [BINARY, "bench", "-m", MODEL, "-t", "2", "-p", "130", "-n", "2", "-r", "1", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"PINGTI_TUNE": "off"} | environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def formats():
    done = subprocess.run([BINARY, "inspect", "--json", MODEL], capture_output=True, text=True, check=True)
    return {row["format"] for row in json.loads(done.stdout)["formats"]} - {"F32"}  # norms are no products


def test_kernels_are_named_for_every_format():
    for row in bench():
        assert set(row["kernels"]) == formats()
        columns = min(row["n_prompt"], 512) or row["n_seq"]
        for kernel in row["kernels"].values():
            tile = re.fullmatch(rf"{row['isa']} linear_int8, tiles of (\d+) x (\d+)(, weights widened to bytes)?", kernel)
            assert tile, kernel
            assert 1 <= int(tile[2]) <= columns
            assert columns > 1 or not tile[3], "one column never pays for widening"


def test_kernels_follow_the_flags():
    row = bench("-p", "0", "--activations", "f32")[0]
    assert all(" linear_f32, " in kernel for kernel in row["kernels"].values())
    row = bench("-p", "0", "--isa", "reference")[0]
    assert all(kernel.startswith("reference linear_int8, ") for kernel in row["kernels"].values())


def test_limits_and_tuning_are_told():
    row = bench("-p", "0")[0]
    limits = row["limits"]
    assert limits["int8_ops"] > 0 and limits["read_bytes"] > 0
    assert limits["clock_hz"] > 0 and limits["int8_ops_per_cycle"] > 0
    assert isinstance(limits["doubt"], str)
    assert row["tuning"]["piece_bytes"] > 0
    assert any(name.startswith("direct_columns.") for name in row["tuning"])
