"""/v1/completions with the real client."""
import openai
import pytest


def test_prompts_of_every_kind(client):
    def ask(prompt):
        return [c.text for c in client.completions.create(model="fake", prompt=prompt).choices]
    assert ask("abc") == ["abc"]
    assert ask(["abc", "de"]) == ["abc", "de"]
    ids = [ord(c) for c in "hey"]
    assert ask(ids) == ["hey"]
    assert ask([ids, ids[:2]]) == ["hey", "he"]


def test_default_limit_is_16(client):
    answer = client.completions.create(model="fake", prompt="forever")
    assert answer.usage.completion_tokens == 16
    assert answer.choices[0].finish_reason == "length"


def test_choices_are_numbered_prompt_by_prompt(client):
    answer = client.completions.create(model="fake", prompt=["ab", "cd"], n=2)
    assert [(c.index, c.text) for c in answer.choices] == [(0, "ab"), (1, "ab"), (2, "cd"), (3, "cd")]
    assert answer.usage.prompt_tokens == 4
    assert answer.usage.completion_tokens == 8
    streamed = {}
    for chunk in client.completions.create(model="fake", prompt=["ab", "cd"], n=2, stream=True):
        choice = chunk.choices[0]
        streamed[choice.index] = streamed.get(choice.index, "") + choice.text
    assert streamed == {0: "ab", 1: "ab", 2: "cd", 3: "cd"}


@pytest.mark.parametrize("stream", [False, True])
def test_echo_with_logprobs(client, stream):
    answer = client.completions.create(model="fake", prompt="wé", echo=True, logprobs=1, max_tokens=3, stream=stream)
    choices = [c.choices[0] for c in answer] if stream else [answer.choices[0]]
    assert "".join(c.text for c in choices) == "wéwé"
    scored = [c.logprobs for c in choices if c.logprobs]
    tokens = [t for s in scored for t in s.tokens]
    assert tokens == ["w", "bytes:\\xc3", "bytes:\\xa9"] * 2
    logprobs = [p for s in scored for p in s.token_logprobs]
    assert logprobs == [None, -0.5, -0.5, -0.25, -0.25, -0.25]
    assert [o for s in scored for o in s.text_offset] == [0, 1, 2, 2, 3, 4]


def test_score_a_prompt_without_generating(client):
    answer = client.completions.create(model="fake", prompt="abc", echo=True, logprobs=0, max_tokens=0)
    assert answer.choices[0].text == "abc"
    assert answer.choices[0].logprobs.token_logprobs == [None, -0.5, -0.5]
    assert answer.usage.completion_tokens == 0


def test_fill_in_the_middle(client):
    answer = client.completions.create(model="fake", prompt="def f():", suffix="return 1", max_tokens=100)
    assert answer.choices[0].text == "<|fim_prefix|>def f():<|fim_suffix|>return 1<|fim_middle|>"


def test_tokens_outside_the_vocabulary(client):
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="fake", prompt=[999999])
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="fake", prompt="")
