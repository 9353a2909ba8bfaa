"""What the client reads off a scripted server: exact, on a virtual clock."""
import json

import pytest
from scripted_server import ScriptedServer
from virtual_time import run

from servebench.client import Ask, Client, choice_text
from servebench.record import OK


def ask(server, **fields):
    client = Client("http://x/v1", "m", "k", {"temperature": 0}, connector=server.connector)
    return run(client.ask(Ask(**{"prompt": "a b c", "max_tokens": 3, **fields})))


@pytest.mark.parametrize("piece", [None, 1, 7])
@pytest.mark.parametrize("prompt", ["a b c", [{"role": "user", "content": "a b c"}]])
def test_times_of_a_stream(piece, prompt):
    server = ScriptedServer([2.0, 0.25, 0.5], piece=piece)
    record = ask(server, prompt=prompt, label="S")
    assert (record.error, record.status, record.label, record.finish) == (OK, 200, "S", "length")
    assert record.text == " w0 w1 w2"
    # The role and keep-alives before the first text are no output.
    assert record.ttft == pytest.approx(2.0)
    assert record.gaps == pytest.approx([0.25, 0.5])
    assert record.e2e == pytest.approx(2.75)
    assert record.tpot == pytest.approx(0.375)
    assert (record.prompt_tokens, record.output_tokens, record.counted) == (3, 3, True)


def test_whole_answers_have_no_first_token():
    record = ask(ScriptedServer([2.0, 0.5]), stream=False)
    assert record.ok and record.text == " w0 w1"
    assert (record.ttft, record.tpot, record.gaps) == (None, None, [])
    assert record.e2e == pytest.approx(2.5)
    assert record.output_tokens == 2


def test_the_request_sent():
    server = ScriptedServer()
    ask(server, fields={"temperature": 1, "seed": 3})
    line, body = server.requests[0]
    assert line == "POST /v1/completions HTTP/1.1"
    assert json.loads(body) == {"model": "m", "prompt": "a b c", "max_tokens": 3, "stream": True, "temperature": 1,
                                "seed": 3, "stream_options": {"include_usage": True}}


def test_without_usage_events_are_counted():
    record = ask(ScriptedServer(usage=False))
    assert record.ok
    assert (record.output_tokens, record.counted) == (3, False)


@pytest.mark.parametrize("answer, error", [
    ((429, b'{"error": {"message": "m", "type": "t", "code": "rate_limit"}}'), "429 rate_limit"),
    ((500, b'{"error": {"message": "m", "type": "server_error", "code": 500}}'), "500"),
    ((400, b'{"object": "error", "message": "m", "type": "BadRequest", "code": null}'), "400 BadRequest"),
    ((502, b"<html>"), "502"), ((404, b'{"error": "text"}'), "404 text"), ((400, b"[]"), "400")])
def test_errors_by_status(answer, error):
    record = ask(ScriptedServer(script=lambda body, index: answer))
    assert (record.status, record.error, record.ok) == (answer[0], error, False)
    assert record.ttft is None


def test_a_broken_connection_is_an_error():
    record = ask(ScriptedServer(script=lambda body, index: None))
    assert not record.ok
    assert record.error.startswith("broken_stream")


def test_an_error_in_the_stream():
    class Server(ScriptedServer):
        async def _answer(self, body, reader, index):
            self.feed(reader, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.event(reader, {"choices": [{"text": "a"}]})
            self.event(reader, {"error": {"message": "m", "type": "server_error", "code": "draining"}})
            self.feed(reader, b"0\r\n\r\n")

    record = ask(Server())
    assert (record.ok, record.error) == (False, "draining")


def test_a_silent_server_times_out():
    server = ScriptedServer([100.0])
    client = Client("http://x/v1", timeout=5, connector=server.connector)
    record = run(client.ask(Ask("a", 1)))
    assert record.error == "timeout"
    assert record.e2e == pytest.approx(5)


@pytest.mark.parametrize("choice, text", [
    ({"text": "a"}, "a"), ({"message": {"content": "a"}}, "a"), ({"delta": {"role": "assistant"}}, ""),
    ({"delta": {"reasoning_content": "r"}}, "r"), ({"delta": {"content": None}}, ""),
    ({"delta": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}, "f{}")])
def test_what_counts_as_text(choice, text):
    assert choice_text(choice) == text
