"""Tools over /v1/messages and /v1/responses with both official clients: the engine echoes a call that the user spells."""
import json

import anthropic
import pytest

from helpers import say

SAID = 'So. <tool_call>\n{"name": "weather", "arguments": {"city": "Ulm"}}\n</tool_call>\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.fixture(scope="module")
def claude(server):
    return anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=20)


CLAUDE_TOOLS = [{"name": "weather", "description": "d", "input_schema": SCHEMA}, {"name": "now", "input_schema": {"type": "object"}}]
TOOLS = [{"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": False},
         {"type": "function", "name": "now", "parameters": {"type": "object"}, "strict": False}]


def test_messages(claude):
    ask = dict(model="fake", max_tokens=500, messages=say(SAID), tools=CLAUDE_TOOLS)
    answer = claude.messages.create(**ask)
    assert [b.type for b in answer.content] == ["text", "tool_use", "tool_use"]
    assert answer.stop_reason == "tool_use" and answer.content[0].text.strip() == "So."
    calls = answer.content[1:]
    assert [(c.name, c.input) for c in calls] == [("weather", {"city": "Ulm"}), ("now", {})]
    assert len({c.id for c in calls}) == 2
    with claude.messages.stream(**ask) as stream:
        streamed = stream.get_final_message()
    assert [(b.type, getattr(b, "input", None)) for b in streamed.content] == [(b.type, getattr(b, "input", None)) for b in answer.content]
    assert streamed.stop_reason == "tool_use"
    # The results go back, and the answer to them comes.
    results = [{"type": "tool_result", "tool_use_id": c.id, "content": [{"type": "text", "text": "12"}]} for c in calls]
    following = say(SAID) + [{"role": "assistant", "content": [b.model_dump(include={"type", "text", "id", "name", "input"}) for b in answer.content]},
                             {"role": "user", "content": results + [{"type": "text", "text": "thanks"}]}]
    assert claude.messages.create(model="fake", max_tokens=50, messages=following, tools=CLAUDE_TOOLS).content[0].text == "thanks"


def test_messages_errors_name_anthropics_fields(claude):
    with pytest.raises(anthropic.BadRequestError) as caught:
        claude.messages.create(model="fake", max_tokens=5, messages=say("a"), tools=[{"name": "a b", "input_schema": {}}])
    assert caught.value.body["error"]["param"] == "tools[0].name"


def test_responses(client):
    ask = dict(model="fake", input=SAID, tools=TOOLS)
    answer = client.responses.create(**ask)
    assert [item.type for item in answer.output] == ["message", "function_call", "function_call"]
    calls = answer.output[1:]
    assert [(c.name, json.loads(c.arguments)) for c in calls] == [("weather", {"city": "Ulm"}), ("now", {})]
    assert answer.status == "completed" and len({c.call_id for c in calls}) == 2
    events = list(client.responses.create(**ask, stream=True))
    done = [e for e in events if e.type == "response.function_call_arguments.done"]
    assert [json.loads(e.arguments) for e in done] == [{"city": "Ulm"}, {}]
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta" and e.output_index == 1]
    assert "".join(deltas) == calls[0].arguments
    results = [{"type": "function_call_output", "call_id": c.call_id, "output": "12"} for c in calls]
    following = client.responses.create(model="fake", previous_response_id=answer.id, tools=TOOLS,
                                        input=results + [{"role": "user", "content": "thanks"}])
    assert following.output_text == "thanks"
    sent = client.responses.create(model="fake", store=False, tools=TOOLS, input=say(SAID) + answer.output + results
                                   + [{"role": "user", "content": "thanks"}])
    assert sent.usage.input_tokens == following.usage.input_tokens
