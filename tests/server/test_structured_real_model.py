"""Structured output of a real model at temperature 1: every answer that ends by itself validates."""
import json
import re

import jsonschema
import pytest

from helpers import say
from structured_cases import FORMS, SCHEMAS
from test_real_model import BINARY, MODEL, Served

pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set")
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


@pytest.fixture(scope="module")
def real():
    served = Served()
    yield served
    served.stop()


def ask(real, prompt, fields, **more):
    client = real.client()
    answer = client.chat.completions.create(model=client.models.list().data[0].id, messages=say(prompt),
                                            temperature=1, extra_body=fields, **{"max_tokens": 300, **more})
    return answer.choices


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_answer_validates(real, name):
    schema = SCHEMAS[name]
    validator = jsonschema.Draft202012Validator(schema, format_checker=CHECKER)
    fields = {"response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": schema}}}
    ended = 0
    for choice in ask(real, "Make up an example. Answer in JSON.", fields, n=4, seed=11):
        if choice.finish_reason == "stop":
            ended += 1
            validator.validate(json.loads(choice.message.content))
    # A small model that draws "next" at every level does not come to an end.
    assert ended >= (0 if name == "recursive" else 1)


def test_json_object(real):
    fields = {"response_format": {"type": "json_object"}}
    for choice in ask(real, "Describe a cat as a JSON object with the members name and age.", fields, n=4, seed=5):
        assert choice.message.content.startswith("{")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)


@pytest.mark.parametrize("name", FORMS)
def test_other_forms(real, name):
    fields, pattern = FORMS[name]
    for choice in ask(real, "Say something.", fields, n=3, seed=2):
        assert choice.finish_reason == "stop"
        assert re.fullmatch(pattern, choice.message.content), choice.message.content


def test_speculation_changes_no_byte(real):
    fields = {"response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": SCHEMAS["nested"]}}}
    plain = Served("--speculate", "off")
    try:
        answers = [[c.message.content for c in ask(server, "Points, as JSON, please.", fields, n=3, seed=9)]
                   for server in (real, plain)]
        assert answers[0] == answers[1]
    finally:
        plain.stop()
