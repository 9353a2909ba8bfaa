"""What the official anthropic client sees at /v1/messages."""
import json

import anthropic
import pytest

from helpers import request, say


@pytest.fixture(scope="module")
def claude(server):
    return anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=20)


def test_a_message(claude):
    answer = claude.messages.create(model="fake", max_tokens=100, messages=say("Hello, 世界"), system="be brief",
                                    metadata={"user_id": "u"}, extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 5})
    assert answer.type == "message" and answer.role == "assistant" and answer.model == "fake"
    assert answer.id.startswith("msg_")
    assert [b.type for b in answer.content] == ["text"] and answer.content[0].text == "Hello, 世界"
    assert answer.stop_reason == "end_turn" and answer.stop_sequence is None
    assert answer.usage.output_tokens == len("Hello, 世界".encode())
    assert answer.usage.input_tokens > answer.usage.output_tokens and answer.usage.cache_read_input_tokens == 0


def test_blocks(claude):
    answer = claude.messages.create(model="fake", max_tokens=100, system=[{"type": "text", "text": "x"}], messages=[
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "two"}]},
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                                     {"type": "text", "text": "b"}]}])
    assert answer.content[0].text == "a\nb"


def test_stop_reasons(claude):
    answer = claude.messages.create(model="fake", max_tokens=7, messages=say("forever"))
    assert answer.stop_reason == "max_tokens" and answer.usage.output_tokens == 7
    answer = claude.messages.create(model="fake", max_tokens=100, messages=say("before END after"), stop_sequences=["x", "END"])
    assert answer.content[0].text == "before "
    assert answer.stop_reason == "stop_sequence" and answer.stop_sequence == "END"
    answer = claude.messages.create(model="fake", max_tokens=1000000, messages=say("forever"))
    assert answer.stop_reason == "model_context_window_exceeded"


def test_events(claude):
    events = list(claude.messages.create(model="fake", max_tokens=100, messages=say("a streamed text"), stream=True))
    kinds = [e.type for e in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert "".join(e.delta.text for e in events[2:-3]) == "a streamed text"
    assert events[0].message.usage.input_tokens > 0 and events[0].message.content == []
    assert events[-2].delta.stop_reason == "end_turn" and events[-2].usage.output_tokens == len("a streamed text")


@pytest.mark.parametrize("text, fields", [("Grüße 🙂", {}), ("forever", {"max_tokens": 9}), ("cut HERE now", {"stop_sequences": ["HERE"]})])
def test_the_stream_helper_sees_the_same(claude, text, fields):
    fields = {"max_tokens": 100, **fields}
    whole = claude.messages.create(model="fake", messages=say(text), **fields)
    with claude.messages.stream(model="fake", messages=say(text), **fields) as stream:
        streamed_text = "".join(stream.text_stream)
        streamed = stream.get_final_message()
    assert streamed_text == whole.content[0].text
    assert [b.text for b in streamed.content] == [b.text for b in whole.content]
    for name in ("stop_reason", "stop_sequence", "role", "model"):
        assert getattr(streamed, name) == getattr(whole, name)
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.input_tokens == whole.usage.input_tokens


def test_a_last_message_of_the_assistant_is_continued(claude, server):
    conversation = say("x") + [{"role": "assistant", "content": "It begins"}]
    prompt = claude.messages.count_tokens(model="fake", messages=say("x")).input_tokens
    assert claude.messages.count_tokens(model="fake", messages=conversation).input_tokens == prompt + len("It begins")


def test_count_tokens(claude):
    counted = claude.messages.count_tokens(model="fake", messages=say("hello"), system="s").input_tokens
    answered = claude.messages.create(model="fake", max_tokens=1, messages=say("hello"), system="s").usage.input_tokens
    assert counted == answered


def test_pings_while_nothing_is_ready(start):
    server = start(pace=400, ping_ms=50)
    _, headers, data = request(server, "POST", "/v1/messages", {"max_tokens": 2, "messages": say("ab"), "stream": True})
    assert headers["Content-Type"].startswith("text/event-stream")
    assert b'event: ping\ndata: {"type": "ping"}\n\n' in data and b": keep-alive" not in data
    claude = anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0)
    with claude.messages.stream(model="fake", max_tokens=2, messages=say("ab")) as stream:
        assert stream.get_final_text() == "ab"


def error_of(call):
    with pytest.raises(anthropic.APIStatusError) as caught:
        call()
    body = caught.value.body
    assert body["type"] == "error" and set(body["error"]) >= {"type", "message"} and body["request_id"]
    return caught.value, body["error"]


def test_errors_have_anthropics_shape(claude, start):
    error, body = error_of(lambda: claude.messages.create(model="other", max_tokens=5, messages=say("a")))
    assert isinstance(error, anthropic.NotFoundError) and body["type"] == "not_found_error"
    error, body = error_of(lambda: claude.messages.create(model="fake", max_tokens=5, messages=[]))
    assert isinstance(error, anthropic.BadRequestError) and body["type"] == "invalid_request_error"
    error, body = error_of(lambda: claude.messages.create(model="fake", max_tokens=5, messages=say("fail")))
    assert isinstance(error, anthropic.InternalServerError) and body["type"] == "api_error"
    error, body = error_of(lambda: claude.messages.create(model="fake", max_tokens=5, messages=say("x" * 5000)))
    assert body["code"] == "context_length_exceeded" and body["n_ctx"] == 2048
    locked = start(key="secret")
    wrong = anthropic.Anthropic(base_url=locked.url, api_key="wrong", max_retries=0)
    error, body = error_of(lambda: wrong.messages.create(model="fake", max_tokens=5, messages=say("a")))
    assert isinstance(error, anthropic.AuthenticationError) and body["type"] == "authentication_error"
    right = anthropic.Anthropic(base_url=locked.url, api_key="secret", max_retries=0)
    assert right.messages.create(model="fake", max_tokens=5, messages=say("a")).content[0].text == "a"
    status, headers, data = request(locked, "GET", "/v1/messages", headers={"X-Api-Key": "secret"})
    assert status == 405 and json.loads(data)["error"]["code"] == "method_not_allowed"


def test_an_error_in_the_middle_is_an_event(claude, server):
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(claude.messages.create(model="fake", max_tokens=50, messages=say("fail"), stream=True))
    assert "scripted failure" in str(caught.value)
    _, _, data = request(server, "POST", "/v1/messages", {"max_tokens": 50, "messages": say("fail"), "stream": True})
    assert data.decode().split("\n\n")[-2].startswith("event: error\n")


@pytest.mark.parametrize("fields, param", [
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "x"}}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages[0].role"),
    ({"max_tokens": None}, "max_tokens"), ({"max_tokens": 0}, "max_tokens"), ({"stop_sequences": "a"}, "stop_sequences"),
    ({"system": [{"type": "image"}]}, "system[0].type"), ({"thinking": {"type": "no"}}, "thinking.type"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
    ({"tool_choice": {"type": "all"}}, "tool_choice.type"), ({"container": "c"}, "container"),
    ({"mcp_servers": []}, "mcp_servers"), ({"temperature": -1}, "temperature")])
def test_refusals_name_the_field(server, fields, param):
    status, _, data = request(server, "POST", "/v1/messages", {"max_tokens": 5, "messages": say("a"), **fields})
    error = json.loads(data)["error"]
    assert status == 400 and error["type"] == "invalid_request_error" and error["param"] == param, error
