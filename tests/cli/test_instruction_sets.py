"""The one binary on other CPUs: emulated ones run the best kernels they have, and no better ones."""
import os
import platform
import shutil
import subprocess

import pytest

HASWELL = "Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid"  # AVX2, no AVX-512
NEHALEM = "Nehalem"  # neither

BINARY = os.environ.get("PINGTI_BINARY", "")
MODEL = os.environ.get("PINGTI_TEST_MODEL", "")
pytestmark = [
    pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set"),
    pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("qemu-x86_64"),
                       reason="emulates x86-64 CPUs with qemu-user"),
]


def answer(cpu, **environment):
    command = ["qemu-x86_64", "-cpu", cpu, BINARY, "run", "-m", MODEL,
               "-p", "The capital of France is", "--raw", "-n", "3", "--temp", "0", "-t", "1", "-c", "256"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | environment)


@pytest.mark.parametrize("cpu, isa", [(HASWELL, "avx2"), (NEHALEM, "reference")])
def test_answers_with_the_kernels_the_cpu_has(cpu, isa):
    done = answer(cpu)
    assert done.returncode == 0, done.stderr
    assert "Paris" in done.stdout
    assert isa in done.stderr


@pytest.mark.parametrize("isa", ["avx512vnni", "avxvnni"])
def test_a_forced_set_the_cpu_lacks_is_refused(isa):
    done = answer(HASWELL, PINGTI_ISA=isa)
    assert done.returncode == 1
    assert isa in done.stderr and "[kernels.isa_missing]" in done.stderr
    assert "avx2, reference" in done.stderr


def test_an_unknown_set_is_refused_with_those_known():
    done = answer(HASWELL, PINGTI_ISA="avx9000")
    assert done.returncode == 1
    assert "avx9000" in done.stderr and "reference" in done.stderr


def test_a_lesser_set_can_be_forced():
    done = answer(HASWELL, PINGTI_ISA="reference")
    assert done.returncode == 0, done.stderr
    assert "reference" in done.stderr and "Paris" in done.stdout
