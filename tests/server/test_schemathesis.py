"""Every route under requests that Schemathesis makes from /openapi.json to break its rules.

The answer is a 4xx, or 503 when the queue is full; a request that is right after all may be answered. The seed is
fixed (derandomize), the number of examples bounded: about a minute.
"""
import json

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st

from fake_server import Server
from helpers import request

SETTINGS = hypothesis.settings(max_examples=100, derandomize=True, deadline=None, database=None,
                               suppress_health_check=list(hypothesis.HealthCheck),
                               phases=[hypothesis.Phase.generate])
LONGEST = 20  # seconds a request may take

NASTY = st.sampled_from([None, True, -1, 0, 1e308, -1e308, 10**400, 2**63, -2**63 - 1, 2**64, 1.5, "", "\0", "a\0b", "\ud7ff",
                         "x" * 5000, [], {}, [None], [[]], [{}], {"": None}, {"a": {"b": [1]}}, ["\0"], [1.5], [-1], [2**40]])


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.fixture(scope="module")
def running():
    server = Server(pace=0, context=512, max_queue=64)
    yield server
    assert server.process.poll() is None, "the server has died"
    server.terminate()
    assert server.process.wait(10) == 0


@pytest.fixture(scope="module")
def schema(running):
    _, _, data = request(running, "GET", "/openapi.json")
    document = json.loads(data)
    # This server has no keys: broken ones would pass for broken requests.
    del document["security"], document["components"]
    return schemathesis.openapi.from_dict(document)


def operations(schema):
    """One per route: the paths with and without /v1 are the same."""
    seen = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        seen.setdefault(operation.definition.raw["operationId"].split(":")[0], operation)
    return seen


def check(status, body, what):
    assert status < 500 or status == 503, (status, body[:500], what)
    if status >= 400:
        error = json.loads(body)["error"]
        assert error["message"] and "code" in error


def send(running, method, path, body):
    answer = requests.request(method, running.url + path, data=body, timeout=LONGEST,
                              headers={"Content-Type": "application/json"})
    check(answer.status_code, answer.text, (method, path, body[:500]))
    return answer.status_code


def share_refused(running, operation, mode):
    """Sends what Schemathesis makes for the operation; how much of it was refused."""
    refused = []

    @SETTINGS
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def run(case):
        answer = case.call(base_url=running.url, timeout=LONGEST)
        check(answer.status_code, answer.text, case.as_curl_command())
        refused.append(answer.status_code >= 400)

    run()
    return sum(refused) / len(refused)


def test_requests_against_the_schema_are_refused(running, schema):
    for name, operation in operations(schema).items():
        if operation.body:
            assert share_refused(running, operation, schemathesis.GenerationMode.NEGATIVE) > 0.9, name


def test_requests_by_the_schema_are_answered(running, schema):
    """Or refused for what a schema cannot say: 'stop' with 'min_tokens', a model of another name."""
    for operation in operations(schema).values():
        share_refused(running, operation, schemathesis.GenerationMode.POSITIVE)


def test_nasty_values_in_every_field(running, schema):
    for operation in operations(schema).values():
        for body in operation.body:
            properties = {}
            for part in [body.definition["schema"], *body.definition["schema"].get("anyOf", [])]:
                properties |= part.get("properties", {})

            @hypothesis.settings(SETTINGS, max_examples=200)
            @hypothesis.given(fields=st.dictionaries(st.sampled_from(sorted(properties)), NASTY, min_size=1, max_size=4))
            def run(fields):
                send(running, operation.method.upper(), operation.path, json.dumps(fields))

            run()


@pytest.mark.parametrize("depth", [10, 60, 70, 100000])
def test_deep_nesting(running, schema, depth):
    text = "[" * depth + "]" * depth if depth > 1000 else json.dumps(nested(depth))
    for operation in operations(schema).values():
        for body in operation.body:
            for field in body.definition["schema"].get("properties", {"content": None}):
                if depth < 1000 or field in body.definition["schema"].get("required", []):
                    status = send(running, operation.method.upper(), operation.path, '{"%s": %s}' % (field, text))
                    assert 400 <= status < 500
