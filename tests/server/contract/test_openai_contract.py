"""What the official openai client sees: embeddings, responses, and completions' further fields."""
import json
import math

import openai
import pytest

from helpers import request, say, wait_for


def text_of(chunks):
    return "".join(c.choices[0].text for c in chunks)


def bits(byte):
    return [1.0 if byte >> bit & 1 else -1.0 for bit in range(8)]


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


# The scripted engine's embedding: eight bits of each byte as +-1, of the last byte or of all the mean.
def mean_of(data):
    return unit([sum(column) / len(data) for column in zip(*(bits(b) for b in data))])


class TestEmbeddings:
    def test_base64_is_the_clients_default(self, client):
        answer = client.embeddings.create(model="fake", input="abc")
        assert answer.object == "list" and answer.model == "fake"
        assert answer.data[0].embedding == pytest.approx(mean_of(b"abc"), abs=1e-6)
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == 3

    def test_every_kind_of_input(self, client):
        want = [mean_of(b"ab"), mean_of(b"xyz")]
        for given in (["ab", "xyz"], [[97, 98], [120, 121, 122]]):
            answer = client.embeddings.create(model="fake", input=given, encoding_format="float")
            ids = [d.index for d in answer.data]
            assert ids == [0, 1]
            for item, vector in zip(answer.data, want):
                assert item.embedding == pytest.approx(vector, abs=1e-6)
        assert len(client.embeddings.create(model="fake", input=[1, 2, 3]).data) == 1

    def test_many_inputs_are_one_request(self, client):
        answer = client.embeddings.create(model="fake", input=[f"text {i}" for i in range(1000)])
        assert [d.index for d in answer.data] == list(range(1000))
        assert answer.data[123].embedding == pytest.approx(mean_of(b"text 123"), abs=1e-6)

    def test_dimensions_are_normalized_anew(self, client):
        answer = client.embeddings.create(model="fake", input="q", dimensions=3, encoding_format="float")
        assert answer.data[0].embedding == pytest.approx(unit(bits(ord("q"))[:3]), abs=1e-6)
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model="fake", input="q", dimensions=9)
        assert caught.value.param == "dimensions"

    def test_pooling(self, client):
        answer = client.embeddings.create(model="fake", input="abc", extra_body={"pooling": "last"})
        assert answer.data[0].embedding == pytest.approx(unit(bits(ord("c"))), abs=1e-6)

    @pytest.mark.parametrize("fields", [{"input": []}, {"input": ""}, {"input": ["a", ""]}, {"input": [[]]}, {"input": 3},
                                        {"input": ["a"] * 2049}, {"input": [999999]}, {"encoding_format": "hex"},
                                        {"dimensions": 0}, {"pooling": "max"}, {"nothing": 1}])
    def test_refusals(self, server, fields):
        status, _, data = request(server, "POST", "/v1/embeddings", {"input": "a", **fields})
        assert status == 400, data

    def test_too_long(self, client):
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model="fake", input=["ok", "y" * 5000])
        assert caught.value.code == "context_length_exceeded"


class TestCompletions:
    def test_best_of_gives_the_likeliest(self, client):
        answer = client.completions.create(model="fake", prompt=["random", "random"], n=2, best_of=8, seed=3, max_tokens=6)
        assert [c.index for c in answer.choices] == [0, 1, 2, 3]
        assert answer.usage.completion_tokens == 2 * 8 * 6
        everything = client.completions.create(model="fake", prompt="random", n=8, seed=3, max_tokens=6, logprobs=0)
        mean = {c.text: sum(c.logprobs.token_logprobs) / len(c.logprobs.token_logprobs) for c in everything.choices}
        best = sorted(mean, key=mean.get, reverse=True)[:2]
        assert [c.text for c in answer.choices[:2]] == best
        assert all(c.logprobs is None for c in answer.choices)

    def test_best_of_limits(self, client):
        for fields in ({"n": 3, "best_of": 2}, {"best_of": 2, "stream": True}, {"best_of": 129}):
            with pytest.raises(openai.BadRequestError) as caught:
                client.completions.create(model="fake", prompt="a", **fields)
            assert caught.value.param == "best_of"

    @pytest.mark.parametrize("stream", [False, True])
    def test_stop_tokens_and_shown_stop_strings(self, client, stream):
        def ask(**fields):
            answer = client.completions.create(model="fake", prompt="abcdef", stream=stream, **fields)
            return text_of(answer) if stream else answer.choices[0].text
        tokens = client.post("/tokenize", cast_to=object, body={"content": "d"})["tokens"]
        assert ask(extra_body={"stop_token_ids": tokens}) == "abc"
        assert ask(stop="de") == "abc"
        assert ask(stop="de", extra_body={"include_stop_str_in_output": True}) == "abcde"

    def test_continuous_usage(self, client):
        chunks = list(client.completions.create(model="fake", prompt="abc", stream=True,
                                                stream_options={"include_usage": True, "continuous_usage_stats": True}))
        counts = [c.usage.completion_tokens for c in chunks]
        assert counts == sorted(counts) and counts[0] == 1 and counts[-1] == 3
        assert all(c.usage.prompt_tokens == 3 for c in chunks)

    @pytest.mark.parametrize("name, value", [("bad_words", ["x"]), ("prompt_logprobs", 1), ("use_beam_search", True),
                                             ("length_penalty", 1), ("truncate_prompt_tokens", 5)])
    def test_others_are_refused_by_name(self, client, name, value):
        with pytest.raises(openai.BadRequestError) as caught:
            client.completions.create(model="fake", prompt="a", extra_body={name: value})
        assert caught.value.param == name

    def test_combinations_are_refused_by_name(self, client):
        for fields in ({"min_tokens": 3, "stop": "a"}, {"include_stop_str_in_output": True, "stop_token_ids": [1]},
                       {"allowed_token_ids": []}, {"allowed_token_ids": [99999]}):
            with pytest.raises(openai.BadRequestError):
                client.completions.create(model="fake", prompt="a", extra_body=fields)


class TestResponses:
    def test_a_text(self, client):
        answer = client.responses.create(model="fake", input="Hello, 世界", instructions="be brief", max_output_tokens=100,
                                         metadata={"a": "b"}, temperature=0.5)
        assert answer.object == "response" and answer.status == "completed" and answer.id.startswith("resp_")
        assert answer.output_text == "Hello, 世界"
        assert [item.type for item in answer.output] == ["message"]
        assert answer.instructions == "be brief" and answer.metadata == {"a": "b"} and answer.temperature == 0.5
        assert answer.usage.output_tokens == len("Hello, 世界".encode())
        assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
        assert answer.error is None and answer.incomplete_details is None and answer.previous_response_id is None

    def test_items_as_input(self, client):
        answer = client.responses.create(model="fake", store=False, input=[
            {"role": "developer", "content": "x"}, {"role": "user", "content": "one"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "three"}, {"type": "input_text", "text": "four"}]}])
        assert answer.output_text == "three\nfour"

    def test_cut_by_the_limit(self, client):
        answer = client.responses.create(model="fake", input="forever", max_output_tokens=7)
        assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
        assert answer.output[0].status == "incomplete" and answer.usage.output_tokens == 7

    @pytest.mark.parametrize("limit", [None, 4])
    def test_events(self, client, limit):
        events = list(client.responses.create(model="fake", input="a streamed text", stream=True, max_output_tokens=limit))
        assert [e.sequence_number for e in events] == list(range(len(events)))
        kinds = [e.type for e in events]
        last = "response.completed" if limit is None else "response.incomplete"
        assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added",
                             "response.content_part.added"]
        assert kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done", last]
        assert set(kinds[4:-4]) == {"response.output_text.delta"}
        text = "a streamed text"[:limit]
        assert "".join(e.delta for e in events[4:-4]) == text
        assert events[-4].text == events[-3].part.text == events[-2].item.content[0].text == text
        assert events[-1].response.output_text == text
        assert {e.item_id for e in events[4:-2]} == {events[-1].response.output[0].id}
        assert events[0].response.id == events[-1].response.id

    def test_the_stream_helper(self, client):
        with client.responses.stream(model="fake", input="helped") as stream:
            text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
            assert text == stream.get_final_response().output_text == "helped"

    def test_logprobs(self, client):
        answer = client.responses.create(model="fake", input="né", include=["message.output_text.logprobs"], top_logprobs=2)
        scores = answer.output[0].content[0].logprobs
        assert [s.bytes for s in scores] == [[b] for b in "né".encode()] and len(scores[0].top_logprobs) == 2
        events = list(client.responses.create(model="fake", input="né", include=["message.output_text.logprobs"], stream=True))
        assert sum(len(e.logprobs) for e in events if e.type == "response.output_text.delta") == 3

    def test_a_conversation_is_continued(self, client):
        first = client.responses.create(model="fake", input="one", instructions="first only")
        second = client.responses.create(model="fake", input="two", previous_response_id=first.id)
        assert second.output_text == "two" and second.previous_response_id == first.id and second.instructions is None
        third = client.responses.create(model="fake", input="three", previous_response_id=second.id, store=False)
        # user one, assistant one, user two, assistant two, user three in ChatML
        alone = client.responses.create(model="fake", store=False, input=[
            {"role": "user", "content": "one"}, {"role": "assistant", "content": "one"}, {"role": "user", "content": "two"},
            {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}])
        assert third.usage.input_tokens == alone.usage.input_tokens
        client.responses.delete(second.id)
        with pytest.raises(openai.NotFoundError) as caught:
            client.responses.create(model="fake", input="x", previous_response_id=second.id)
        assert caught.value.param == "previous_response_id"

    def test_stored_responses(self, client):
        made = client.responses.create(model="fake", input=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
        assert client.responses.retrieve(made.id) == made
        items = client.responses.input_items.list(made.id)
        assert [i.content[0].text for i in items.data] == ["b", "a"] and not items.has_more
        items = client.responses.input_items.list(made.id, order="asc", limit=1)
        assert [i.content[0].text for i in items.data] == ["a"] and items.has_more
        assert [i.content[0].text for i in client.responses.input_items.list(made.id, order="asc", limit=1)] == ["a", "b"]
        client.responses.delete(made.id)
        for call in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
            with pytest.raises(openai.NotFoundError):
                call(made.id)
        unstored = client.responses.create(model="fake", input="a", store=False)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(unstored.id)
        streamed = list(client.responses.create(model="fake", input="a", stream=True))[-1].response
        assert client.responses.retrieve(streamed.id) == streamed

    def test_keys_do_not_see_each_others_responses(self, server):
        one, two = server.client(key="one"), server.client(key="two")
        made = one.responses.create(model="fake", input="secret")
        with pytest.raises(openai.NotFoundError):
            two.responses.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            two.responses.create(model="fake", input="x", previous_response_id=made.id)
        with pytest.raises(openai.NotFoundError):
            two.responses.delete(made.id)
        assert one.responses.retrieve(made.id).output_text == "secret"

    def test_failure(self, client, server):
        with pytest.raises(openai.InternalServerError):
            client.responses.create(model="fake", input="fail")
        _, _, data = request(server, "POST", "/v1/responses", {"input": "fail", "stream": True})
        kinds = [line[7:] for line in data.decode().splitlines() if line.startswith("event: ")]
        assert kinds[-2:] == ["error", "response.failed"]
        assert b"scripted failure" in data

    @pytest.mark.parametrize("fields", [
        {"background": True}, {"truncation": "auto"}, {"conversation": "c"}, {"prompt": {"id": "x"}}, {"max_tool_calls": 1},
        {"tools": [{"type": "web_search"}]}, {"include": ["file_search_call.results"]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
        {"input": [{"type": "item_reference", "id": "x"}]}])
    def test_unsupported_is_refused_by_name(self, server, fields):
        status, _, data = request(server, "POST", "/v1/responses", {"input": "a", **fields})
        error = json.loads(data)["error"]
        assert status == 400 and error["code"] == "unsupported_parameter"
        assert error["param"].split(".")[0].split("[")[0] == next(iter(fields))

    @pytest.mark.parametrize("fields", [{"input": []}, {"input": None}, {"metadata": {"a": 1}}, {"max_output_tokens": 0},
                                        {"temperature": "x"}, {"input": [{"role": "king", "content": "a"}]}, {"nothing": 1}])
    def test_errors_name_the_field(self, server, fields):
        status, _, data = request(server, "POST", "/v1/responses", {"input": "a", **fields})
        error = json.loads(data)["error"]
        assert status == 400 and error["param"].split("[")[0] == next(iter(fields)), error


class TestLateAnswers:
    def test_blank_lines_then_the_answer(self, start):
        server = start(pace=30, late_ms=100, ping_ms=50)
        status, headers, data = request(server, "POST", "/v1/chat/completions", {"messages": say("a slow answer")})
        assert status == 200 and headers["Transfer-Encoding"] == "chunked"
        assert data.startswith(b"\n\n") and json.loads(data)["choices"][0]["message"]["content"] == "a slow answer"
        answer = server.client().chat.completions.create(model="fake", messages=say("another"))
        assert answer.choices[0].message.content == "another"

    def test_quick_errors_keep_their_status(self, start):
        server = start(pace=1, late_ms=2000)
        assert request(server, "POST", "/v1/chat/completions", {"messages": say("fail")})[0] == 500

    def test_a_late_error_cuts_the_connection(self, start):
        server = start(pace=100, late_ms=50, ping_ms=50)
        with pytest.raises(openai.APIConnectionError):
            server.client().chat.completions.create(model="fake", messages=say("fail"))
        assert wait_for(lambda: request(server, "GET", "/readyz")[0] == 200)
