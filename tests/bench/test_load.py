"""Loops, mixes and conversations against a scripted server, on a virtual clock."""
import itertools
import json

import pytest
from scripted_server import ScriptedServer
from virtual_time import run

from servebench import load, stats, text, work
from servebench.client import Ask, Client

VOCABULARY = text.Vocabulary(text.WORDS[:48], text.WORDS, 0)


def client_of(server):
    return Client("http://x/v1", connector=server.connector)


def items(count):
    return [work.Prompt(Ask(f"prompt {index}", 4)) for index in range(count)]


def test_closed_loop_keeps_so_many_requests():
    server = ScriptedServer([1.0, 0.5, 0.5])
    result = run(load.closed_loop(client_of(server), items(10), 4))
    assert server.most_active == 4
    assert len(result.records) == 10
    # Ten requests of 2 s by four clients: three rounds.
    assert result.seconds == pytest.approx(6)
    total = stats.summarize(result.records, result.seconds)
    assert total["output_tokens_per_second"] == pytest.approx(5)
    assert total["ttft_ms"]["p99"] == pytest.approx(1000)
    assert total["tpot_ms"]["p50"] == pytest.approx(500)


def test_closed_loop_ends_with_the_time():
    server = ScriptedServer([1.0])
    result = run(load.closed_loop(client_of(server), items(100), 2, seconds=3.5))
    assert len(result.records) == 8
    assert result.seconds == pytest.approx(4)


def test_open_loop_does_not_wait():
    server = ScriptedServer([50.0])
    result = run(load.open_loop(client_of(server), items(200), 10.0, seed=3))
    starts = sorted(record.start for record in result.records)
    gaps = [later - earlier for earlier, later in zip(starts, starts[1:])]
    assert server.most_active == 200
    assert sum(gaps) / len(gaps) == pytest.approx(0.1, rel=.25)
    # Exponential gaps: as much spread as mean.
    mean = sum(gaps) / len(gaps)
    assert (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** .5 == pytest.approx(mean, rel=.35)
    again = run(load.open_loop(client_of(server), items(200), 10.0, seed=3))
    assert sorted(record.start for record in again.records) == pytest.approx(starts)


def test_open_loop_ends_with_the_time():
    result = run(load.open_loop(client_of(ScriptedServer([1.0])), items(1000), 10.0, seed=1, seconds=5))
    assert 25 < len(result.records) < 80
    assert max(record.start for record in result.records) <= 1005


def test_mix_deals_exact_shares():
    mix = work.Mix.parse("S=16:24-96/16-48,M=3:512/128,L=1:3072/128")
    dealt = list(itertools.islice(mix.labels(5), 60))
    for at in (0, 20, 40):
        assert sorted(dealt[at:at + 20]) == ["L"] + 3 * ["M"] + 16 * ["S"]
    assert dealt == list(itertools.islice(mix.labels(5), 60)) != list(itertools.islice(mix.labels(6), 60))
    assert mix.shapes["S"] == work.Shape((24, 96), (16, 48))


@pytest.mark.parametrize("wrong", ["S", "S=1", "S=1:5", "S=x:1/2", "S=1:1-/2"])
def test_wrong_mixes_are_refused(wrong):
    with pytest.raises(ValueError):
        work.Mix.parse(wrong)


def test_prompts_have_their_lengths_and_differ_from_the_first_word():
    mix = work.Mix.parse("S=2:24-96/16-48,L=1:300/64")
    source = text.WordText(VOCABULARY, 1)
    made = run(work.prompts(mix, source, 30, seed=1))
    for item in made:
        low, high = mix.shapes[item.ask.label].prompt
        assert low <= len(item.ask.prompt.split()) <= high
        assert mix.shapes[item.ask.label].output[0] <= item.ask.max_tokens <= mix.shapes[item.ask.label].output[1]
    assert len({item.ask.prompt.split()[0] for item in made}) == 30
    other = run(work.prompts(mix, text.WordText(VOCABULARY, 2), 30, seed=2))
    assert not {item.ask.prompt for item in made} & {item.ask.prompt for item in other}


def test_shared_prefixes():
    source = text.WordText(VOCABULARY, 1)
    mix = work.Mix.single(work.Shape((10, 10), (5, 5)))
    made = [item.ask.prompt.split() for item in run(work.prompts(mix, source, 6, 1, prefix_tokens=40, prefixes=2))]
    assert {len(words) for words in made} == {50}
    assert len({tuple(words[:40]) for words in made}) == 2
    assert len({tuple(words) for words in made}) == 6


def test_warm_prompts_are_the_same():
    made = items(3)
    assert [item.ask.prompt for item in work.again(made)] == [item.ask.prompt for item in made]
    assert {item.ask.phase for item in work.again(made)} == {"warm"}


def test_a_conversation_sends_all_before_it():
    server = ScriptedServer([1.0, 1.0])
    talk = work.Conversation(["one", "two", "three"], 2, fields={"cache_key": "k"})
    result = run(load.closed_loop(client_of(server), [talk], 1))
    bodies = [json.loads(body) for _, body in server.requests]
    assert [message["content"] for message in bodies[2]["messages"]] == ["one", " w0 w1", "two", " w0 w1", "three"]
    assert [message["role"] for message in bodies[1]["messages"]] == ["user", "assistant", "user"]
    assert {body["cache_key"] for body in bodies} == {"k"}
    assert [(record.turn, record.phase) for record in result.records] == [(0, "cold"), (1, "warm"), (2, "warm")]
    assert result.seconds == pytest.approx(6)


def test_a_conversation_without_reuse_differs_from_its_first_word():
    server = ScriptedServer([1.0])
    talk = work.Conversation(["one", "two"], 1, leads=["x", "y"])
    run(load.closed_loop(client_of(server), [talk], 1))
    firsts = [json.loads(body)["messages"][0] for _, body in server.requests]
    assert firsts == [{"role": "system", "content": "x"}, {"role": "system", "content": "y"}]


def test_a_conversation_ends_with_an_error():
    server = ScriptedServer(script=lambda body, index: [1.0] if index == 0 else (503, b"{}"))
    result = run(load.closed_loop(client_of(server), [work.Conversation(["a", "b", "c"], 1)], 1))
    assert [record.ok for record in result.records] == [True, False]


def test_calibration_keeps_words_of_one_token():
    long = {"government": 2, "cotton": 3, "time": 2}
    asked = []

    async def count(prompt):
        asked.append(prompt)
        return 5 + sum(long.get(word, 1) for word in prompt.split())

    vocabulary = run(text.calibrate(count))
    assert set(text.WORDS) - set(vocabulary.words) == set(long)
    assert set(vocabulary.leads) == set(text.WORDS[:48]) - set(long)
    assert vocabulary.overhead == 5
    assert len(asked) < 150
    prompt = run(text.WordText(vocabulary, 1).prompt(40))
    assert run(count(prompt)) == 40


def test_file_text_has_exact_counts_and_leaves_no_prefix():
    counted = []

    async def count(prompt):
        counted.append(prompt)
        return sum(1 + len(word) // 6 for word in prompt.split())

    passage = "An actor is a person who portrays a character in a production ; in the flesh traditionally . " * 30
    source = text.FileText(text.Vocabulary(["river", "day"], ["water", "house", "time"], 0), 3, passage, count)
    prompt = run(source.prompt(60))
    assert sum(1 + len(word) // 6 for word in prompt.split()) == 60
    assert not any(prompt.startswith(other) or other.startswith(prompt.split()[0]) for other in counted)
