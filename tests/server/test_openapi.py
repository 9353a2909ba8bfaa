"""/openapi.json says what the parsers read."""
import json

import jsonschema_rs
import pytest

from helpers import request

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MINIMAL = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/v1/embeddings": {"input": "hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"input": "hi"},
    "/infill": {"input_prefix": "a", "input_suffix": "b"},
    "/rerank": {"query": "a", "documents": ["b"]},
    "/detokenize": {"tokens": [1]},
    "/apply-template": {"messages": [{"role": "user", "content": "hi"}]},
}


@pytest.fixture(scope="module")
def document(server):
    status, headers, data = request(server, "GET", "/openapi.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    return json.loads(data)


def schema_of(document, path):
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def test_every_post_path_is_described(document):
    assert document["openapi"] == "3.1.0"
    posts = {path for path, methods in document["paths"].items() if "post" in methods}
    assert {p.removeprefix("/v1") for p in posts} >= {p.removeprefix("/v1") for p in MINIMAL} | {"/tokenize"}
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    for path in posts:
        jsonschema_rs.meta.validate({"$schema": DIALECT, **schema_of(document, path)})


@pytest.mark.parametrize("path", MINIMAL)
def test_the_smallest_request_fits(server, document, path):
    jsonschema_rs.validate(schema_of(document, path), MINIMAL[path])
    status, _, data = request(server, "POST", path, MINIMAL[path])
    assert status == (400 if path == "/rerank" else 200), data
    for field in schema_of(document, path)["required"]:
        without = {k: v for k, v in MINIMAL[path].items() if k != field}
        status, _, data = request(server, "POST", path, without)
        assert status == 400 and field in json.loads(data)["error"]["message"]


@pytest.mark.parametrize("path", MINIMAL)
def test_described_fields_are_read(server, document, path):
    """A value of no type that any field takes: refused for its type, never as unknown."""
    for field in schema_of(document, path)["properties"]:
        status, _, data = request(server, "POST", path, {**MINIMAL[path], field: [[[{}]]]})
        error = json.loads(data)["error"]
        assert status == 400 and error["code"] != "unknown_parameter", (field, error)
        assert error["param"].split(".")[0].split("[")[0] == field, (field, error)


@pytest.mark.parametrize("path", MINIMAL)
def test_fields_may_be_null(server, document, path):
    schema = schema_of(document, path)
    nulls = {field: None for field in schema["properties"] if field not in MINIMAL[path]}
    jsonschema_rs.validate(schema, {**MINIMAL[path], **nulls})
    status, _, data = request(server, "POST", path, {**MINIMAL[path], **nulls})
    assert status == (400 if path == "/rerank" else 200), data
