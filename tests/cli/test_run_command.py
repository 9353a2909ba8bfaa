"""`pingti run`: one answer, streamed to stdout."""

import os
import subprocess

import pytest

BINARY = os.environ.get("PINGTI_BINARY", "")
MODEL = os.environ.get("PINGTI_TEST_MODEL", "")
pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set")


def run(*args, stdin=b"", model=MODEL):
    return subprocess.run([BINARY, "run", "-m", model, *args], input=stdin, capture_output=True, timeout=120)


def test_the_prompt_comes_from_an_argument_a_file_or_stdin(tmp_path):
    text = "The capital of France is"
    (tmp_path / "prompt.txt").write_text(text)
    greedy = ["--raw", "-n", "12", "--temp", "0"]
    answers = {
        run("-p", text, *greedy).stdout,
        run("-f", str(tmp_path / "prompt.txt"), *greedy).stdout,
        run("-p", "-", *greedy, stdin=text.encode()).stdout,
    }
    assert len(answers) == 1 and "Paris" in answers.pop().decode()


def test_a_seed_fixes_the_answer_whatever_the_threads():
    drawn = ["-p", "Tell me a story.", "-n", "24", "--temp", "1.2"]
    first = run(*drawn, "--seed", "7", "-t", "1").stdout
    assert first and run(*drawn, "--seed", "7", "-t", "2").stdout == first
    assert run(*drawn, "--seed", "8").stdout != first


def test_the_chat_template_and_a_system_text_reach_the_model():
    args = ["-p", "Who are you?", "-n", "16", "--temp", "0"]
    plain, piped = run(*args), run(*args, "--raw")
    system = run(*args, "--system", "You are a pirate. Always answer with: Arr!")
    assert plain.returncode == piped.returncode == system.returncode == 0
    assert len({plain.stdout, piped.stdout, system.stdout}) == 3


def test_dry_repetitions_end_at_the_breakers():
    def answer(*breakers):
        done = run("--raw", "-p", "1: one\n2: one\n3: one\n4: one\n5: one\n", "-n", "24", "--temp", "0", "--dry-multiplier", "4", *breakers)
        assert done.returncode == 0, done.stderr
        return done.stdout

    none = answer("--dry-sequence-breaker", "none")
    default = answer()
    assert default != none
    given = [piece for text in ["\n", ":", '"', "*"] for piece in ("--dry-sequence-breaker", text)]
    assert answer(*given) == default
    assert run("-p", "x", "--dry-sequence-breaker", "").returncode == 2


def test_failures_name_the_reason():
    too_long = run("-p", "word " * 300, "-c", "256")
    assert too_long.returncode == 1
    assert b"[engine.context]" in too_long.stderr and b"context holds 256" in too_long.stderr
    assert run("-p", "x", model="/nonexistent.gguf").returncode == 1
    assert run().returncode == 2
    assert run("-p", "x", "-f", "y").returncode == 2
    assert run("-p", "x", "--isa", "sparc").returncode == 1
    assert b"sampling.range" in run("-p", "x", "--top-p", "7").stderr
