"""What goes wrong, and how it is said."""
import json

import openai
import pytest

from helpers import post_chat, raw, request, say


def error_of(server, body, path="/v1/chat/completions"):
    status, headers, data = request(server, "POST", path, body)
    assert headers["Content-Type"] == "application/json"
    error = json.loads(data)["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return status, error


@pytest.mark.parametrize("body", ["", "{", "nonsense", "[1", '{"messages": [}', '{"a": 1e999}', b"\xff\xfe", "{}\0",
                                  '{"messages":"\\ud800"}', "[" * 100000, '{"messages":' + "[" * 1000 + "]" * 1000 + "}"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_bad_json(server, body, path):
    status, error = error_of(server, body, path)
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert error["code"].startswith("json.")


@pytest.mark.parametrize("body", ["null", "3", '"text"', "[]", "{}"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_json_that_is_no_request(server, body, path):
    assert error_of(server, body, path)[0] == 400


@pytest.mark.parametrize("field, value", [
    ("temperature", "hot"), ("temperature", -1), ("temperature", True), ("top_p", 2), ("n", 0), ("n", 1.5), ("n", 10**30),
    ("max_tokens", 0), ("max_tokens", "7"), ("stream", 1), ("stop", 5), ("stop", [""]), ("stop", ["x"] * 17),
    ("seed", 0.5), ("logprobs", 1), ("top_logprobs", 99), ("logit_bias", []), ("logit_bias", {"a": 1}),
    ("logit_bias", {"1": "x"}), ("messages", "hi"), ("messages", []), ("messages", {}), ("model", 3),
    ("frequency_penalty", 3), ("stream_options", {"include_usage": True}), ("chat_template_kwargs", 1)])
def test_wrong_types_and_ranges_name_the_field(server, field, value):
    status, body = post_chat(server, **{field: value})
    assert status == 400, body
    assert body["error"]["param"].startswith(field)
    assert field in body["error"]["message"]


@pytest.mark.parametrize("field, value", [
    ("functions", [{"name": "f"}]), ("audio", {"voice": "x"}),
    ("modalities", ["audio"]), ("web_search_options", {})])
def test_unsupported_parameters_are_refused_by_name(server, field, value):
    status, body = post_chat(server, **{field: value})
    assert status == 400
    assert body["error"]["code"] == "unsupported_parameter"
    assert body["error"]["param"] == field


def test_unknown_parameter(server):
    status, body = post_chat(server, temprature=1)
    assert status == 400
    assert body["error"]["code"] == "unknown_parameter"
    assert body["error"]["param"] == "temprature"


def test_images_are_refused(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="fake", messages=[
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}])
    assert caught.value.code == "unsupported_parameter"


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4", messages=say("hi"))
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert "fake" in caught.value.message
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")


@pytest.mark.parametrize("stream", [False, True])
def test_too_long_prompt(client, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="fake", messages=say("x" * 5000), stream=stream)
    assert caught.value.code == "context_length_exceeded"
    error = caught.value.body
    assert error["n_prompt_tokens"] > 5000
    assert error["n_ctx"] == 2048
    assert "2048" in error["message"] and str(error["n_prompt_tokens"]) in error["message"]


@pytest.mark.parametrize("path, body", [("/v1/chat/completions", {"messages": say("y" * 3000000)}),
                                        ("/v1/completions", {"prompt": "y" * 3000000}),
                                        ("/v1/completions", {"prompt": ["ok", "y" * 3000000]}),
                                        ("/v1/completions", {"prompt": "a", "suffix": "y" * 3000000})])
def test_hopelessly_long_prompt(server, path, body):
    status, error = error_of(server, body, path)
    assert status == 400 and error["code"] == "context_length_exceeded"
    assert error["n_prompt_tokens"] > error["n_ctx"] == 2048


def test_engine_failure(client, server):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="fake", messages=say("fail"))
    assert caught.value.body["message"] == "scripted failure"
    _, _, data = request(server, "POST", "/v1/chat/completions", {"messages": say("fail"), "stream": True})
    events = [e for e in data.decode().split("\n\n") if e]
    assert json.loads(events[-1][6:])["error"]["message"] == "scripted failure"
    assert "data: [DONE]" not in events
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="fake", messages=say("fail"), stream=True))


def test_paths_and_methods(server):
    status, headers, data = request(server, "GET", "/nothing/here")
    assert status == 404 and json.loads(data)["error"]["code"] == "not_found"
    assert request(server, "POST", "/nothing", "{}")[0] == 404
    status, headers, data = request(server, "GET", "/v1/chat/completions")
    assert status == 405
    assert headers["Allow"] == "POST, OPTIONS"
    assert json.loads(data)["error"]["code"] == "method_not_allowed"
    status, headers, _ = request(server, "DELETE", "/v1/models")
    assert status == 405 and headers["Allow"] == "GET, HEAD, OPTIONS"
    assert request(server, "PUT", "/v1/completions", "{}")[0] == 405


def test_head_and_options(server):
    status, headers, data = request(server, "HEAD", "/v1/models")
    assert status == 200 and data == b"" and int(headers["Content-Length"]) > 10
    status, headers, data = request(server, "OPTIONS", "/v1/chat/completions")
    assert status == 204 and headers["Allow"] == "POST, OPTIONS" and data == b""
    assert not any(name.lower().startswith("access-control") for name in headers)
    assert raw(server, b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 204")


def test_broken_http(server):
    for data in [b"\x16\x03\x01\x00\xf4\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]:
        answer = raw(server, data, shut=True)
        assert answer == b"" or answer.split()[1] in (b"400", b"501", b"505"), (data, answer)
    assert post_chat(server)[0] == 200


def test_request_id_is_kept_or_made(server):
    _, headers, _ = request(server, "GET", "/v1/models", headers={"X-Request-Id": "my-id-1"})
    assert headers["X-Request-Id"] == "my-id-1"
    _, headers, _ = request(server, "GET", "/v1/models", headers={"X-Request-Id": "two words"})
    assert headers["X-Request-Id"].startswith("req-")
