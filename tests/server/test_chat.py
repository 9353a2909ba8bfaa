"""/v1/chat/completions with the real client."""
import json

import pytest

from helpers import post_chat, request, say


def test_answers(client):
    answer = client.chat.completions.create(model="fake", messages=say("Hello, 世界 🙂"))
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "fake"
    choice = answer.choices[0]
    assert choice.message.role == "assistant"
    assert choice.message.content == "Hello, 世界 🙂"
    assert choice.finish_reason == "stop"
    assert answer.usage.completion_tokens == len("Hello, 世界 🙂".encode())
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 0


def test_streams_the_same(client):
    text = "Grüße, 世界! 🙂 done"
    chunks = list(client.chat.completions.create(model="fake", messages=say(text), stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == text
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(c.choices[0].delta.role is None for c in chunks[1:])
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(c.choices[0].finish_reason is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1
    assert all(c.usage is None for c in chunks)
    assert len(chunks) > 5


def test_stream_usage(client):
    chunks = list(client.chat.completions.create(model="fake", messages=say("abc"), stream=True,
                                                 stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 3
    assert chunks[-1].usage.prompt_tokens > 3
    assert all(c.usage is None for c in chunks[:-1])


def test_event_stream_on_the_wire(server):
    status, headers, data = request(server, "POST", "/v1/chat/completions", {"messages": say("ab"), "stream": True})
    assert status == 200
    assert headers["Content-Type"].startswith("text/event-stream")
    events = data.decode().split("\n\n")
    assert events[-1] == "" and events[-2] == "data: [DONE]"
    assert all(e.startswith("data: {") for e in events[:-2])
    assert json.loads(events[0][6:])["choices"][0]["delta"]["role"] == "assistant"


@pytest.mark.parametrize("stream", [False, True])
def test_max_tokens_and_length(client, stream):
    answer = client.chat.completions.create(model="fake", messages=say("forever"), max_tokens=7, stream=stream)
    choice = list(answer)[-1].choices[0] if stream else answer.choices[0]
    assert choice.finish_reason == "length"
    if not stream:
        assert answer.usage.completion_tokens == 7
    newer = client.chat.completions.create(model="fake", messages=say("forever"), max_completion_tokens=3)
    assert newer.usage.completion_tokens == 3


@pytest.mark.parametrize("stop", ["END", ["nothing", "END"]])
@pytest.mark.parametrize("stream", [False, True])
def test_stop_strings_never_show(client, stop, stream):
    answer = client.chat.completions.create(model="fake", messages=say("before ENEND after"), stop=stop, stream=stream)
    if stream:
        chunks = list(answer)
        text = "".join(c.choices[0].delta.content or "" for c in chunks)
        reason = chunks[-1].choices[0].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, reason) == ("before EN", "stop")


def test_seed_and_n(client):
    def ask(**fields):
        answer = client.chat.completions.create(model="fake", messages=say("random"), **fields)
        return [c.message.content for c in answer.choices]
    first = ask(seed=7, n=3)
    assert len(set(first)) == 3
    assert ask(seed=7, n=3) == first
    assert ask(seed=7)[0] == first[0]
    assert ask(seed=8)[0] != first[0]
    assert ask()[0] != ask()[0]
    assert ask(temperature=0)[0] == ask(temperature=0)[0]


def test_n_streamed_is_interleaved(client):
    texts = {}
    order = []
    finished = set()
    for chunk in client.chat.completions.create(model="fake", messages=say("random"), n=3, seed=1, stream=True):
        choice = chunk.choices[0]
        order.append(choice.index)
        texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
        if choice.finish_reason:
            finished.add(choice.index)
    whole = client.chat.completions.create(model="fake", messages=say("random"), n=3, seed=1)
    assert texts == {c.index: c.message.content for c in whole.choices}
    assert finished == {0, 1, 2}
    assert order.index(2) < len(order) - 1 - order[::-1].index(0)


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs(client, stream):
    answer = client.chat.completions.create(model="fake", messages=say("né"), logprobs=True, top_logprobs=2, stream=stream)
    if stream:
        tokens = [t for c in answer if c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    else:
        tokens = answer.choices[0].logprobs.content
    assert [t.bytes for t in tokens] == [[b] for b in "né".encode()]
    assert tokens[0].token == "n"
    assert tokens[0].logprob == -0.25
    assert [t.logprob for t in tokens[0].top_logprobs] == [-0.25, -1.25]


def test_message_shapes(client):
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    answer = client.chat.completions.create(model="fake", messages=[
        {"role": "developer", "content": "be brief"}, {"role": "user", "name": "ann", "content": "x"},
        {"role": "assistant", "content": "y"}, {"role": "user", "content": parts}])
    assert answer.choices[0].message.content == "one\ntwo"


def test_an_answer_can_be_sent_back(client):
    first = client.chat.completions.create(model="fake", messages=say("one"))
    second = client.chat.completions.create(model="fake", messages=say("one") + [first.choices[0].message] + say("two"))
    assert second.choices[0].message.content == "two"


def test_accepted_extras(client):
    answer = client.chat.completions.create(
        model="fake", messages=say("ok"), user="u", metadata={"a": "b"}, store=False, logit_bias={"5": -100},
        presence_penalty=0.5, frequency_penalty=0.5, top_p=0.9, response_format={"type": "text"},
        extra_body={"top_k": 40, "min_p": 0.1, "typical_p": 0.9, "repetition_penalty": 1.1, "repeat_last_n": 64,
                    "dry_multiplier": 0.8, "dry_base": 1.75, "dry_allowed_length": 2, "xtc_probability": 0.1,
                    "xtc_threshold": 0.1, "ignore_eos": False, "chat_template_kwargs": {"enable_thinking": False}})
    assert answer.choices[0].message.content == "ok"


def test_works_without_v1_and_without_model(server):
    status, _, data = request(server, "POST", "/chat/completions", {"messages": say("hi")})
    assert status == 200 and json.loads(data)["model"] == "fake"
    assert post_chat(server)[0] == 200
