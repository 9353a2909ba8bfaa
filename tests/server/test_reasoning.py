"""Thinking apart from the answer, on and off, and with a budget, through the openai client."""
import pathlib

import pytest

from helpers import post_chat, say

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "src/text/testdata/templates"
QWEN3 = TEMPLATES / "Qwen-Qwen3-0.6B.jinja"
OPENED = TEMPLATES / "MiniMax-M2.jinja"  # opens the thinking in the prompt, as DeepSeek's own R1 template does
R1 = TEMPLATES / "deepseek-ai-DeepSeek-R1-Distill-Qwen-7B-gguf.jinja"  # leaves it to the model
THOUGHT = "Let me think: 2 is < 3,\n\nwait."
QWEN3_SAYS = f"<think>\n{THOUGHT}\n</think>\n\nIt is 5."
OPENED_SAYS = f"{THOUGHT}\n</think>\n\nIt is 5."


@pytest.fixture(params=[(QWEN3, QWEN3_SAYS), (OPENED, OPENED_SAYS), (R1, QWEN3_SAYS)], ids=["qwen3", "opened", "r1"])
def thinker(request, start):
    template, says = request.param
    return start(answer=says, chat_template=template, pace=0)


def test_whole_and_streamed(thinker):
    client = thinker.client()
    answer = client.chat.completions.create(model="fake", messages=say("x"))
    message = answer.choices[0].message
    assert message.content == "It is 5."
    assert message.reasoning_content == message.reasoning == THOUGHT
    tokens = answer.usage.completion_tokens_details.reasoning_tokens
    assert len(THOUGHT) < tokens < answer.usage.completion_tokens

    reasoning, content, order = "", "", []
    for chunk in client.chat.completions.create(model="fake", messages=say("x"), stream=True,
                                                stream_options={"include_usage": True}):
        if not chunk.choices:
            assert chunk.usage.completion_tokens_details.reasoning_tokens == tokens
            continue
        delta = chunk.choices[0].delta
        piece = getattr(delta, "reasoning_content", None)
        assert piece == getattr(delta, "reasoning", None)
        reasoning += piece or ""
        content += delta.content or ""
        order.append("r" if piece else "c" if delta.content else "")
    assert (reasoning, content) == (THOUGHT, "It is 5.")
    assert "cr" not in "".join(order)


def test_stop_strings_and_scores_are_about_the_answer(thinker):
    client = thinker.client()
    choice = client.chat.completions.create(model="fake", messages=say("x"), stop=[" is"], logprobs=True).choices[0]
    assert choice.message.reasoning_content == THOUGHT
    assert choice.message.content == "It"
    assert "".join(t.token for t in choice.logprobs.content).startswith("It")


@pytest.mark.parametrize("fields", [{"thinking_token_budget": 12}, {"thinking_budget": 12}, {"reasoning": {"max_tokens": 12}},
                                    {"thinking": {"type": "enabled", "budget_tokens": 12}}])
def test_a_budget_ends_the_thinking(thinker, fields):
    answer = thinker.client().chat.completions.create(model="fake", messages=say("x"), extra_body=fields)
    message = answer.choices[0].message
    assert THOUGHT.startswith(message.reasoning) and 8 <= len(message.reasoning) <= 12
    assert message.content == "It is 5."


def test_off_is_up_to_the_template_or_the_prompt(start):
    for template in (QWEN3, OPENED, R1):
        server = start(answer="It is 5.", chat_template=template, pace=0)
        for fields in ({"chat_template_kwargs": {"enable_thinking": False}}, {"thinking": {"type": "disabled"}},
                       {"reasoning_effort": "none"}, {"thinking_budget": 0}):
            status, body = post_chat(server, **fields)
            assert status == 200, body
            message = body["choices"][0]["message"]
            assert message["content"] == "It is 5." and "reasoning_content" not in message, fields
            assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_hidden(thinker):
    for fields in ({"include_reasoning": False}, {"reasoning": {"exclude": True}}):
        status, body = post_chat(thinker, **fields)
        message = body["choices"][0]["message"]
        assert status == 200 and message["content"] == "It is 5." and "reasoning" not in message
        assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


def test_a_model_that_does_not_think_says_so(server):
    for field, value in (("reasoning_effort", "high"), ("thinking", {"type": "enabled"})):
        status, body = post_chat(server, **{field: value})
        assert status == 400 and body["error"]["param"].startswith(field), body
    assert post_chat(server, reasoning_effort="none")[0] == 200
    assert post_chat(server, thinking={"type": "enabled"}, reasoning_effort="none")[0] == 400


def test_reasoning_can_be_sent_back(thinker):
    client = thinker.client()
    first = client.chat.completions.create(model="fake", messages=say("x"))
    second = client.chat.completions.create(model="fake", messages=say("x") + [first.choices[0].message] + say("y"))
    assert second.choices[0].message.content == "It is 5."


def test_rules_of_deepseek(start):
    server = start(answer=OPENED_SAYS, chat_template=OPENED, pace=0, deepseek_rules="true")
    history = say("x") + [{"role": "assistant", "content": "y", "reasoning_content": "z"}] + say("w")
    status, body = post_chat(server, messages=history)
    assert status == 400 and body["error"]["param"] == "messages[1].reasoning_content"
    status, body = post_chat(server, logprobs=True)
    assert status == 400 and body["error"]["param"] == "logprobs"
    assert post_chat(server, temperature=2, top_p=0.1, presence_penalty=1)[0] == 200


def test_calls_after_thinking(start):
    says = '<think>\nI look it up.\n</think>\n\n<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    client = start(answer=says, chat_template=QWEN3, pace=0).client()
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    choice = client.chat.completions.create(model="fake", messages=say("x"), tools=tools).choices[0]
    assert choice.message.reasoning == "I look it up."
    assert choice.message.content is None
    assert choice.message.tool_calls[0].function.arguments == '{"a": 1}'
