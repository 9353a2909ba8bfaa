"""Answers of a given form, from an engine that draws evenly from all that is allowed: the worst model there is."""
import json
import re

import jsonschema
import pytest

from helpers import metric, request, say
from structured_cases import FORMS, PERSON, SCHEMAS

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


@pytest.fixture(scope="module")
def fast():
    from fake_server import Server
    running = Server(pace=0)
    yield running
    running.terminate()
    assert running.process.wait(10) == 0


def ask(server, fields, n=1, seed=0, max_tokens=1500):
    answer = server.client().chat.completions.create(model="fake", messages=say("x"), n=n, seed=seed,
                                                     max_tokens=max_tokens, extra_body=fields)
    return answer.choices


def schema_format(schema, **more):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": schema, **more}}}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_answer_validates(fast, name):
    schema = SCHEMAS[name]
    validator = jsonschema.Draft202012Validator(schema, format_checker=CHECKER)
    ended = 0
    for choice in ask(fast, schema_format(schema, strict=True), n=12, seed=sum(name.encode())):
        if choice.finish_reason == "stop":
            ended += 1
            validator.validate(json.loads(choice.message.content))
        else:
            assert choice.finish_reason == "length"
    assert ended >= 6


@pytest.mark.parametrize("fields", [schema_format(PERSON, strict=False), schema_format(PERSON),
                                    {"structured_outputs": {"json": PERSON}}, {"guided_json": PERSON},
                                    {"guided_json": json.dumps(PERSON)}, {"json_schema": PERSON},
                                    {"response_format": {"type": "json_object", "schema": PERSON}}])
def test_spellings_of_a_schema(fast, fields):
    for choice in ask(fast, fields, n=4):
        if choice.finish_reason == "stop":
            jsonschema.validate(json.loads(choice.message.content), PERSON)


def test_json_object(fast):
    fields = {"response_format": {"type": "json_object"}}
    for choice in ask(fast, fields, n=8):
        assert choice.message.content.startswith("{")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)


@pytest.mark.parametrize("name", FORMS)
def test_other_forms(fast, name):
    fields, pattern = FORMS[name]
    for choice in ask(fast, fields, n=8):
        assert choice.finish_reason == "stop"
        assert re.fullmatch(pattern, choice.message.content), choice.message.content


def test_completions_and_streams(fast):
    client = fast.client()
    whole = client.completions.create(model="fake", prompt="x", seed=3, max_tokens=50,
                                      extra_body={"guided_regex": "[a-z]{5}"})
    assert re.fullmatch("[a-z]{5}", whole.choices[0].text)
    chunks = client.completions.create(model="fake", prompt="x", seed=3, max_tokens=50, stream=True,
                                       extra_body={"guided_regex": "[a-z]{5}"})
    assert "".join(c.choices[0].text for c in chunks) == whole.choices[0].text


def test_tokens_run_out(fast):
    choice, = ask(fast, {"guided_regex": "a{20}"}, max_tokens=5)
    assert (choice.message.content, choice.finish_reason) == ("aaaaa", "length")


def test_free_answers_stay_free(fast):
    for fields in ({"response_format": {"type": "text"}}, {"response_format": None}, {"grammar": ""}):
        assert ask(fast, fields)[0].message.content == "x"


BAD = [
    ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {}}, "response_format.type", "invalid_value"),
    ({"response_format": "json"}, "response_format", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_value"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
     "response_format.json_schema.schema", "invalid_value"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": 3}}},
     "response_format.json_schema.schema", "invalid_type"),
    ({"response_format": {"type": "json_object", "x": 1}}, "response_format.x", "unknown_parameter"),
    (schema_format({"properties": {"a": {"not": {}}}}),
     "response_format.json_schema.schema.properties.a.not", "grammar.unsupported"),
    (schema_format({"type": "array", "uniqueItems": True}),
     "response_format.json_schema.schema.uniqueItems", "grammar.unsupported"),
    (schema_format({"$ref": "http://example.com/x"}), "response_format.json_schema.schema.$ref",
     "grammar.unsupported"),
    (schema_format({"type": "string", "maxLength": 10**6}), "response_format.json_schema.schema.maxLength",
     "grammar.limit"),
    (schema_format({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
     "response_format.json_schema.schema.oneOf", "grammar.unsupported"),
    ({"guided_json": "{"}, "guided_json", "grammar.json"),
    ({"guided_regex": "(?=a)"}, "guided_regex", "grammar.unsupported"),
    ({"guided_regex": "a("}, "guided_regex", "grammar.regex"),
    ({"guided_choice": []}, "guided_choice", "invalid_type"),
    ({"guided_choice": [1]}, "guided_choice", "invalid_type"),
    ({"grammar": "root ::= b"}, "grammar", "grammar.rule"),
    ({"grammar": "root ::= <x>"}, "grammar", "grammar.unsupported"),
    ({"structured_outputs": {"grammar": "root"}}, "structured_outputs.grammar", "grammar.syntax"),
    ({"structured_outputs": {"structural_tag": "{}"}}, "structured_outputs.structural_tag", "unsupported_parameter"),
    ({"guided_regex": "a", "grammar": 'root ::= "a"'}, "grammar", "invalid_value"),
    ({"guided_regex": "a", "ignore_eos": True}, "ignore_eos", "invalid_value"),
]


@pytest.mark.parametrize("fields, param, code", BAD)
def test_bad_forms_name_their_place(fast, fields, param, code):
    for path, prompt in (("/v1/chat/completions", {"messages": say("x")}), ("/v1/completions", {"prompt": "x"})):
        status, _, body = request(fast, "POST", path, {**prompt, **fields})
        error = json.loads(body)["error"]
        assert (status, error["param"], error["code"]) == (400, param, code), error
        assert "/xgrammar" not in error["message"] and ".cc:" not in error["message"]


def test_metrics(fast):
    before = metric(fast, "pingti_grammar_compiled_total"), metric(fast, "pingti_grammar_cache_hits_total")
    for _ in range(2):
        ask(fast, {"guided_regex": "unique[0-9]"})
    assert metric(fast, "pingti_grammar_compiled_total") == before[0] + 1
    assert metric(fast, "pingti_grammar_cache_hits_total") == before[1] + 1
    assert metric(fast, "pingti_grammar_mask_seconds_count") > 0
    assert metric(fast, "pingti_grammar_compile_seconds_total") > 0
