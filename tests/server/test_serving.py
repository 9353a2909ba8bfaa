"""Connections, limits, load, security and the life of the server."""
import http.client
import json
import socket
import subprocess
import threading
import time

import openai
import pytest

from fake_server import fake_server_binary
from helpers import metric, post_chat, raw, request, say, wait_for


def test_models(client, server):
    models = client.models.list().data
    assert [m.id for m in models] == ["fake"]
    assert client.models.retrieve("fake").id == "fake"
    assert models[0].max_model_len == 2048
    assert json.loads(request(server, "GET", "/models")[2])["object"] == "list"


def test_health_and_version(server):
    for path in ["/livez", "/readyz", "/health"]:
        status, _, data = request(server, "GET", path)
        assert status == 200 and json.loads(data) == {"status": "ok"}
    assert json.loads(request(server, "GET", "/version")[2])["version"]


def test_metrics_parse(server, client):
    from prometheus_client.parser import text_string_to_metric_families
    client.chat.completions.create(model="fake", messages=say("count me"))
    status, headers, data = request(server, "GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {f.name: f for f in text_string_to_metric_families(data.decode())}
    for name in ["time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds",
                 "request_prompt_tokens", "request_generation_tokens"]:
        for prefix in ["pingti_", "vllm:"]:
            family = families[prefix + name]
            assert family.type == "histogram"
            count = [s for s in family.samples if s.name.endswith("_count")][0]
            assert count.value >= 1 and count.labels["model_name"] == "fake"
    for name in ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
                 "pingti_requests_running", "pingti_kv_cache_usage_ratio"]:
        assert families[name].type == "gauge"
    for name in ["vllm:prompt_tokens", "vllm:generation_tokens", "vllm:request_success", "pingti_http_requests",
                 "vllm:prefix_cache_hits"]:
        assert families[name].type == "counter", name
    assert {"handler": "chat_completions", "method": "POST", "status": "200"} in \
        [s.labels for s in families["pingti_http_requests"].samples]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_its_work(start, stream):
    server = start(pace=5, context=100000)
    body = json.dumps({"messages": say("forever"), "stream": stream, "n": 2}).encode()
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert wait_for(lambda: metric(server, "pingti_requests_running") == 2)
    connection.close()
    assert wait_for(lambda: metric(server, "pingti_requests_running") == 0, 1)
    assert wait_for(lambda: metric(server, "pingti_http_requests_total") is not None)
    assert wait_for(lambda: 'status="499"' in request(server, "GET", "/metrics")[2].decode())


def test_a_closed_stream_frees_its_work(start):
    server = start(pace=5, context=100000)
    stream = server.client().chat.completions.create(model="fake", messages=say("forever"), stream=True)
    for _, _chunk in zip(range(5), stream):
        pass
    stream.close()
    assert wait_for(lambda: metric(server, "pingti_requests_running") == 0, 1)


def test_waiting_requests_can_be_cancelled(start):
    server = start(pace=5, batch=1, context=100000)
    first = server.client().chat.completions.create(model="fake", messages=say("forever"), stream=True)
    next(iter(first))
    second = server.client().with_options(timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        second.chat.completions.create(model="fake", messages=say("hello"))
    assert wait_for(lambda: metric(server, "pingti_requests_waiting") == 0)
    first.close()


def test_many_at_once(start):
    server = start(pace=1, batch=16)
    results = {}

    def ask(i):
        results[i] = server.client().chat.completions.create(model="fake", messages=say(f"number {i} " * 5), n=2)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(40):
        assert [c.message.content for c in results[i].choices] == [f"number {i} " * 5] * 2
    assert metric(server, "pingti_requests_running") == 0


def test_keep_alive_reuses_the_connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(5):
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": say("hi"), "stream": True}))
        assert b"[DONE]" in connection.getresponse().read()
        connection.request("GET", "/v1/models")
        assert connection.getresponse().read()
        connection.request("GET", "/nothing")
        assert connection.getresponse().read()
    assert connection.sock.getsockname() == local
    connection.close()


def test_chunked_bodies_and_expect_continue(server):
    body = json.dumps({"messages": say("chunky")}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5]), body[i:i + 5]) for i in range(0, len(body), 5)) + b"0\r\n\r\n"
    assert b"chunky" in raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert b"chunky" in connection.makefile("rb").read()


def test_big_bodies_and_headers(start):
    server = start(body_limit=100000)
    status, body = post_chat(server, user="x" * 90000)
    assert status == 200
    status, body = post_chat(server, user="x" * 200000)
    assert status == 413 and body["error"]["message"] == "The request body is larger than 100000 bytes."
    answer = raw(server, b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 b"10000\r\n" + b"x" * 0x10000 + b"\r\n10000\r\n" + b"x" * 0x10000)
    assert b" 413 " in answer.split(b"\r\n")[0]
    answer = raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40000 + b"\r\n\r\n")
    assert b" 431 " in answer.split(b"\r\n")[0]
    assert post_chat(server)[0] == 200


def test_slow_headers_are_cut(start):
    server = start(header_timeout_ms=300)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        begin = time.time()
        try:
            for byte in b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
                connection.setblocking(False)
                try:
                    if connection.recv(1) == b"":
                        break
                except BlockingIOError:
                    pass
                connection.setblocking(True)
        except OSError:
            pass
        assert time.time() - begin < 2
    assert post_chat(server)[0] == 200


def test_connection_limit(start):
    server = start(connections=3)
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    for connection in held:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000)
    assert b" 503 " in raw(server, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for connection in held:
        connection.close()
    assert wait_for(lambda: request(server, "GET", "/livez")[0] == 200)


def test_full_queue(start):
    server = start(pace=5, batch=1, max_queue=2, context=100000)
    streams = [server.client().chat.completions.create(model="fake", messages=say("forever"), stream=True)
               for _ in range(3)]
    assert wait_for(lambda: metric(server, "pingti_requests_running") == 1)
    with pytest.raises(openai.InternalServerError) as caught:
        server.client().chat.completions.create(model="fake", messages=say("hi"))
    assert caught.value.status_code == 503 and caught.value.code == "queue_full"
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 60
    assert post_chat(server, n=3)[1]["error"]["param"] == "n"
    for stream in streams:
        stream.close()
    assert wait_for(lambda: post_chat(server)[0] == 200)
    assert metric(server, "pingti_requests_refused_total") >= 1


def test_keep_alive_comments_while_waiting(start):
    server = start(pace=400, ping_ms=100)
    _, _, data = request(server, "POST", "/v1/chat/completions", {"messages": say("ab"), "stream": True})
    assert b": keep-alive\n\n" in data
    chunks = server.client().chat.completions.create(model="fake", messages=say("ab"), stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "ab"


def test_loading(start):
    server = start(load_seconds=1.5)
    assert request(server, "GET", "/livez")[0] == 200
    status, headers, data = request(server, "GET", "/readyz")
    assert status == 503 and json.loads(data)["error"]["code"] == "loading"
    status, headers, data = request(server, "POST", "/v1/chat/completions", {"messages": say("hi")})
    assert status == 503 and "Retry-After" in headers
    assert json.loads(request(server, "GET", "/v1/models")[2])["data"] == []
    assert wait_for(lambda: request(server, "GET", "/readyz")[0] == 200)
    assert post_chat(server)[0] == 200


def test_a_stalled_engine_is_not_alive(start):
    server = start()
    post_chat(server, messages=say("stall"))
    for path in ["/livez", "/readyz"]:
        status, _, data = request(server, "GET", path)
        assert status == 503 and json.loads(data)["error"]["code"] == "stalled"


def test_sigterm_finishes_running_answers(start):
    server = start(pace=10)
    stream = server.client().chat.completions.create(model="fake", messages=say("x" * 100), stream=True)
    chunks = iter(stream)
    text = next(chunks).choices[0].delta.content
    server.terminate()
    assert wait_for(lambda: request(server, "GET", "/readyz")[0] == 503)
    status, headers, _ = request(server, "POST", "/v1/chat/completions", {"messages": say("hi")})
    assert status == 503 and "Retry-After" in headers
    text += "".join(c.choices[0].delta.content or "" for c in chunks)
    assert text == "x" * 100
    assert server.process.wait(5) == 0


def test_a_drain_ends_what_takes_too_long(start):
    server = start(pace=2, context=1_000_000, drain_seconds=0.3, batch=2)
    answers = {}

    def ask(name):
        answers[name] = post_chat(server, messages=say("forever"))

    stream = iter(server.client().chat.completions.create(model="fake", messages=say("forever"), stream=True))
    next(stream)
    threads = [threading.Thread(target=ask, args=(name,)) for name in ["running", "waiting"]]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: metric(server, "pingti_requests_waiting") == 1)
    server.terminate()
    begin = time.time()
    with pytest.raises(openai.APIError) as caught:
        for _ in stream:
            pass
    assert caught.value.code == "draining"
    assert time.time() - begin > 0.2
    for thread in threads:
        thread.join(5)
    for name in ["running", "waiting"]:
        status, body = answers[name]
        assert status == 503 and body["error"]["code"] == "draining"
    assert server.process.wait(5) == 0


def test_api_keys(start):
    server = start(key="secret-key")
    assert server.client("secret-key").chat.completions.create(model="fake", messages=say("hi"))
    for wrong in ["", "secret", "secret-key2", "Secret-key", "wrong-keyy"]:
        with pytest.raises(openai.AuthenticationError) as caught:
            server.client(wrong or "x").models.list()
        assert caught.value.code == "invalid_api_key"
    for path in ["/v1/models", "/metrics", "/version", "/v1/chat/completions", "/v1/completions"]:
        status, headers, _ = request(server, "POST" if "completions" in path else "GET", path, "{}" if "completions" in path else None)
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer", path
    for path in ["/livez", "/readyz", "/health", "/"]:
        assert request(server, "GET", path)[0] == 200, path
    assert request(server, "GET", "/v1/models", headers={"X-Api-Key": "secret-key"})[0] == 200
    assert request(server, "GET", "/v1/models", headers={"Authorization": "secret-key"})[0] == 401


def test_refused_before_the_body_is_sent(start):
    server = start(key="secret-key")
    answer = raw(server, b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401")


def test_beyond_loopback_needs_a_key():
    done = subprocess.run([fake_server_binary(), "--host", "0.0.0.0"], capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    assert "API key" in done.stderr and "--insecure" in done.stderr


def test_dns_rebinding_and_foreign_pages(server):
    def status(headers):
        return request(server, "GET", "/v1/models", headers=headers)[0]
    assert status({"Host": "evil.example"}) == 403
    assert status({"Host": f"localhost:{server.port}"}) == 200
    assert status({"Host": f"[::1]:{server.port}"}) == 200
    assert status({"Origin": "http://evil.example"}) == 403
    assert status({"Origin": "null"}) == 403
    host = f"127.0.0.1:{server.port}"
    assert status({"Host": host, "Origin": f"http://{host}"}) == 200
    assert request(server, "POST", "/v1/chat/completions", {"messages": say("hi")}, {"Origin": "http://evil.example"})[0] == 403


def test_the_page_is_served_with_a_strict_policy(server):
    for path, kind in [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"),
                       ("/marked.js", "text/javascript"), ("/highlight.js", "text/javascript"), ("/icon.svg", "image/svg+xml")]:
        status, headers, data = request(server, "GET", path)
        assert status == 200 and headers["Content-Type"].startswith(kind) and data
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert request(server, "GET", path, headers={"If-None-Match": headers["ETag"]})[0] == 304
