"""Tool calls through the openai client: the scripted engine says what models of each format say, byte by byte."""
import json
import pathlib

import pytest

from helpers import post_chat, request, say

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "src/text/testdata/templates"

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]
ULM = '{"city": "Ulm é"}'
SAID = {
    "hermes": f'<tool_call>\n{{"name": "get_weather", "arguments": {ULM}}}\n</tool_call>\n'
              '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
    "llama3": f'{{"name": "get_weather", "parameters": {ULM}}}; {{"name": "now", "parameters": {{}}}}',
    "mistral": f'[TOOL_CALLS][{{"name": "get_weather", "arguments": {ULM}}}, {{"name": "now", "arguments": {{}}}}]',
    "mistral-v11": f"[TOOL_CALLS]get_weather[ARGS]{ULM}[TOOL_CALLS]now[ARGS]{{}}",
    "deepseek": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{ULM}\n```<｜tool▁call▁end｜>\n"
                "<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "deepseek-v3.1": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{ULM}<｜tool▁call▁end｜>"
                     "<｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
}
SAID["generic"] = SAID["hermes"]


def calls_of(message):
    return [(c.function.name, c.function.arguments) for c in message.tool_calls or []]


@pytest.mark.parametrize("format", SAID)
def test_every_format_whole_and_streamed(start, format):
    client = start(answer=SAID[format], tool_format=format, pace=0).client()
    ask = dict(model="fake", messages=say("x"), tools=TOOLS)
    answer = client.chat.completions.create(**ask)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert calls_of(choice.message) == [("get_weather", ULM), ("now", "{}")]
    assert len({c.id for c in choice.message.tool_calls}) == 2
    assert all(c.type == "function" for c in choice.message.tool_calls)
    if format.startswith("mistral"):
        assert all(len(c.id) == 9 and c.id.isalnum() for c in choice.message.tool_calls)

    with client.chat.completions.stream(**ask) as stream:  # the client's own accumulation
        pieces = [e for e in stream if e.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion().choices[0]
    assert calls_of(final.message) == calls_of(choice.message)
    assert final.finish_reason == "tool_calls" and not final.message.content
    assert len(pieces) > len(ULM) / 2  # arguments come as they are made


def test_deltas_on_the_wire(start):
    server = start(answer="So. " + SAID["hermes"], pace=0)
    _, _, data = request(server, "POST", "/v1/chat/completions", {"messages": say("x"), "tools": TOOLS, "stream": True})
    choices = [json.loads(line[6:])["choices"][0] for line in data.decode().split("\n\n") if line.startswith("data: {")]
    deltas = [c["delta"] for c in choices]
    assert "".join(d.get("content") or "" for d in deltas) == "So."
    calls = [call for d in deltas for call in d.get("tool_calls", [])]
    first = [c for c in calls if "id" in c]
    assert [(c["index"], c["type"], c["function"]["name"]) for c in first] == [(0, "function", "get_weather"), (1, "function", "now")]
    assert "".join(c["function"]["arguments"] for c in calls if c["index"] == 0) == ULM
    assert all(set(c) == {"index", "function"} for c in calls if c not in first)
    assert choices[-1]["finish_reason"] == "tool_calls" and choices[-1]["delta"] == {}


def test_choices_of_the_request(start):
    server = start(answer=SAID["hermes"], pace=0)
    client = server.client()

    def ask(**fields):
        return client.chat.completions.create(model="fake", messages=say("x"), **fields).choices[0]

    assert ask().message.content == SAID["hermes"]  # no tools, no calls
    none = ask(tools=TOOLS, tool_choice="none")
    assert none.message.content == SAID["hermes"] and none.finish_reason == "stop"
    assert len(ask(tools=TOOLS, parallel_tool_calls=False).message.tool_calls) == 1
    both = client.chat.completions.create(model="fake", messages=say("x"), tools=TOOLS, n=2)
    ids = [c.id for choice in both.choices for c in choice.message.tool_calls]
    assert len(set(ids)) == 4
    cut = ask(tools=TOOLS, max_tokens=60)
    assert cut.finish_reason == "length"
    assert ULM.startswith(cut.message.tool_calls[0].function.arguments)
    status, body = post_chat(server, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "nothing"}})
    assert status == 400 and body["error"]["param"] == "tool_choice.function.name"


@pytest.mark.parametrize("said", ["<tool_call>nonsense</tool_call>", "a <tool_cal", '<tool_call>{"name": 5}</tool_call>', "1 < 2"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_only_looks_like_a_call_is_content(server, client, said, stream):
    answer = client.chat.completions.create(model="fake", messages=say(said), tools=TOOLS, tool_choice="auto", stream=stream,
                                            extra_body={"chat_template_kwargs": {}})
    # The instructions about the tools are in the system message: the fake still repeats the user's.
    if stream:
        chunks = list(answer)
        text, reason = "".join(c.choices[0].delta.content or "" for c in chunks), chunks[-1].choices[0].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, reason) == (said, "stop")


@pytest.mark.parametrize("template", ["Qwen-Qwen3-0.6B", "Qwen-Qwen2.5-7B-Instruct", "mistralai-Mistral-Nemo-Instruct-2407",
                                      "Mistral-Small-3.2-24B-Instruct-2506", "deepseek-ai-DeepSeek-V3.1",
                                      "deepseek-ai-DeepSeek-R1-Distill-Qwen-7B-gguf", "HuggingFaceTB-SmolLM2-135M-Instruct"])
def test_a_conversation_with_tools_through_real_templates(start, template):
    """Call, result, answer: all reach the prompt, and the whole turn can be sent back as the client holds it."""
    formats = {"mistralai-Mistral-Nemo-Instruct-2407": "mistral", "Mistral-Small-3.2-24B-Instruct-2506": "mistral-v11",
               "deepseek-ai-DeepSeek-V3.1": "deepseek-v3.1", "deepseek-ai-DeepSeek-R1-Distill-Qwen-7B-gguf": "deepseek"}
    said = SAID[formats.get(template, "hermes")]
    client = start(answer=said, chat_template=TEMPLATES / f"{template}.jinja", pace=0, context=20000).client()
    messages = say("Weather?")
    first = client.chat.completions.create(model="fake", messages=messages, tools=TOOLS)
    message = first.choices[0].message
    assert calls_of(message) == [("get_weather", ULM), ("now", "{}")]
    messages += [message] + [{"role": "tool", "tool_call_id": c.id, "content": f"RESULT{i}"} for i, c in enumerate(message.tool_calls)]
    second = client.chat.completions.create(model="fake", messages=messages, tools=TOOLS)
    added = second.usage.prompt_tokens - first.usage.prompt_tokens
    assert added >= len("get_weather") + len(ULM) + len("now") + len("RESULT0RESULT1")


def test_a_template_that_shows_one_call_at_a_time(start, tmp_path):
    template = tmp_path / "single.jinja"
    template.write_text("""{% for m in messages %}[{{ m.role }}]{% if m.tool_calls %}{% if m.tool_calls | length > 1 %}
{{ raise_exception('one at a time') }}{% endif %}{{ m.tool_calls[0].function | tojson }}{% else %}{{ m.content }}{% endif %}
{% endfor %}{{ tools | tojson }}<tool_call>""")
    client = start(answer=SAID["hermes"], chat_template=template, pace=0).client()
    message = client.chat.completions.create(model="fake", messages=say("x"), tools=TOOLS).choices[0].message
    results = [{"role": "tool", "tool_call_id": c.id, "content": "r"} for c in reversed(message.tool_calls)]
    answer = client.chat.completions.create(model="fake", messages=say("x") + [message] + results, tools=TOOLS)
    assert calls_of(answer.choices[0].message) == calls_of(message)


def test_scores_are_of_content_alone(start):
    client = start(answer="Hi! " + SAID["hermes"], pace=0).client()
    for stream in (False, True):
        answer = client.chat.completions.create(model="fake", messages=say("x"), tools=TOOLS, logprobs=True, stream=stream)
        if stream:
            tokens = [t for c in answer if c.choices[0].logprobs for t in c.choices[0].logprobs.content]
        else:
            tokens = answer.choices[0].logprobs.content
        assert "".join(t.token for t in tokens) == "Hi!"


def test_a_stop_string_ends_a_call_too(start):
    client = start(answer=SAID["hermes"], pace=0).client()
    choice = client.chat.completions.create(model="fake", messages=say("x"), tools=TOOLS, stop=["</tool_call>"]).choices[0]
    assert calls_of(choice.message) == [("get_weather", ULM)]
    assert choice.finish_reason == "tool_calls"
