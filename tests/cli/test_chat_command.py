"""`pingti chat` on a terminal and in a pipe, with the small test model."""

import json
import os
import subprocess
import time

import pytest

from pty_program import PtyProgram

BINARY = os.environ.get("PINGTI_BINARY", "")
MODEL = os.environ.get("PINGTI_TEST_MODEL", "")
pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set")
PROMPT = r"(?m)^> "


@pytest.fixture
def chat(tmp_path):
    programs = []

    def start(*args, **env):
        program = PtyProgram(
            [BINARY, "chat", "-m", MODEL, "--temp", "0", *args],
            {"TERM": "xterm", "LANG": "C", "XDG_STATE_HOME": str(tmp_path / "state"), **env},
        )
        programs.append(program)
        program.expect(PROMPT)
        return program

    yield start
    for program in programs:
        program.close()


def saved(chat, path):
    """The conversation as /save writes it."""
    chat.line(f"/save {path}")
    chat.expect(r"saved \d+ messages")
    chat.expect(PROMPT)
    return json.loads(path.read_text())["messages"]


def test_answers_and_keeps_the_conversation(chat, tmp_path):
    program = chat("-n", "24", "--system", "You are a helpful assistant.")
    program.line("My name is Ada.")
    program.expect(PROMPT)
    program.line("What is my name?")
    program.expect(PROMPT)
    messages = saved(program, tmp_path / "talk.json")
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert messages[1]["content"] == "My name is Ada."
    assert all(m["content"].strip() for m in messages)
    assert messages[4]["content"].split()[0] in program.text
    program.line("/stats")
    cached = int(program.expect(r"prompt \d+ tokens \((\d+) cached\)").group(1))
    assert cached >= 32, "the second turn starts from the first one's keys and values"
    program.expect(PROMPT)
    program.send("\x04")
    assert program.wait() == 0


def test_chinese_input_is_edited_by_characters(chat, tmp_path):
    program = chat("-n", "4")
    program.send("你好吗x")
    time.sleep(0.3)
    program.send("\x7f\x7f\x7f")  # three characters back: x, 吗, 好
    program.line("们，您好")
    program.expect(PROMPT)
    assert saved(program, tmp_path / "talk.json")[0]["content"] == "你们，您好"


def test_several_lines_make_one_message(chat, tmp_path):
    program = chat("-n", "2")
    program.line("one\\")
    program.expect(r"\.\.\. ")
    program.line("two")
    program.expect(PROMPT)
    program.line('"""three')
    program.expect(r"\.\.\. ")
    program.line("")
    program.expect(r"\.\.\. ")
    program.line('four"""')
    program.expect(PROMPT)
    users = [m["content"] for m in saved(program, tmp_path / "talk.json") if m["role"] == "user"]
    assert users == ["one\ntwo", "three\n\nfour"]


def test_ctrl_c_stops_the_answer_and_not_the_program(chat, tmp_path):
    program = chat("-n", "4000")
    program.line("Write a very long story about a dragon, in many chapters.")
    program.expect(r"chapters\.\n\S+ \S+ \S+")
    program.send("\x03")
    program.expect(r"\(stopped\)")
    program.expect(PROMPT)
    assert len(saved(program, tmp_path / "talk.json")) == 2
    program.send("half a line\x03")
    program.expect(r"again")
    program.line("/help")
    program.expect(r"/regen")
    program.expect(PROMPT)
    program.send("\x03")
    program.expect(r"again")
    program.expect(PROMPT)
    program.send("\x03")
    assert program.wait() == 0


def test_slash_commands(chat, tmp_path):
    program = chat("-n", "8")
    program.line("/regen")
    program.expect("no answer to make again")
    program.line("/nonsense")
    program.expect("/nonsense is no command")
    program.line("/temp hot")
    program.expect("/temp needs a number")
    program.line("/temp -1")
    program.expect(r"\[sampling.range\]")
    program.line("/temp 0")
    program.expect(r"temperature 0\)")
    program.line("Say hello.")
    program.expect(PROMPT)
    first = saved(program, tmp_path / "a.json")
    program.line("/regen")
    program.expect(PROMPT)
    assert saved(program, tmp_path / "b.json") == first  # greedy
    program.line("/clear")
    program.expect("empty")
    program.line(f"/load {tmp_path / 'a.json'}")
    program.expect("loaded 2 messages")
    assert saved(program, tmp_path / "c.json") == first
    (tmp_path / "bad.json").write_text('{"messages": [{"role": "assistant"}]}')
    program.line(f"/load {tmp_path / 'bad.json'}")
    program.expect(r"\[chat.file\]")
    assert saved(program, tmp_path / "d.json") == first
    program.line("/exit")
    assert program.wait() == 0


def test_a_conversation_beyond_the_context_is_refused_with_both_numbers(chat, tmp_path):
    program = chat("-c", "256", "-n", "16")
    program.line("word " * 300)
    match = program.expect(r"The conversation has (\d+) tokens with this message, but the context holds (\d+)")
    assert int(match.group(1)) > 300 and match.group(2) == "256"
    program.expect("/clear")
    program.expect(PROMPT)
    program.line("Hi.")
    program.expect(PROMPT)
    assert [m["role"] for m in saved(program, tmp_path / "talk.json")] == ["user", "assistant"]


def test_history_survives_a_restart(chat, tmp_path):
    program = chat("-n", "1")
    program.line("remember me")
    program.expect(PROMPT)
    program.line("/exit")
    program.wait()
    history = tmp_path / "state" / "pingti" / "chat_history"
    assert history.stat().st_mode & 0o077 == 0
    program = chat("-n", "1")
    program.send("\x1b[A\x1b[A\r")  # up twice: past /exit
    program.expect(PROMPT)
    assert saved(program, tmp_path / "talk.json")[0]["content"] == "remember me"


def test_in_a_pipe_stdout_holds_the_answers_alone(tmp_path):
    talk = tmp_path / "talk.json"
    done = subprocess.run(
        [BINARY, "chat", "-m", MODEL, "--temp", "0", "-n", "12"],
        input=f"Say hello.\n/save {talk}\n".encode(),
        capture_output=True,
        timeout=120,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == json.loads(talk.read_text())["messages"][1]["content"] + "\n"
