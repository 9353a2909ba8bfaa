"""Several models in one server: loaded on demand, pushed out, asked for and administered over HTTP."""
import json
import socket
import threading
import time

import openai
import pytest

from helpers import metric, post_chat, request, say, wait_for

ADMIN = {"Authorization": "Bearer boss"}


def status(server, name):
    models = json.loads(request(server, "GET", "/models")[2])["data"]
    return {m["id"]: m["status"] for m in models}[name]


def state(server, name):
    return status(server, name)["value"]


def ask(server, model, text="hello", **fields):
    return server.client().chat.completions.create(model=model, messages=say(text), **fields)


@pytest.fixture
def two(start):
    """Two models of which one fits."""
    return start(models="a=100,b=100", budget=150, admin_key="boss", pace=1)


def test_models_are_loaded_by_need_and_push_each_other_out(two):
    assert state(two, "a") == state(two, "b") == "unloaded"
    assert ask(two, "a").choices[0].message.content == "hello"
    assert state(two, "a") == "loaded"
    answer = ask(two, "b", "there")
    assert answer.model == "b" and answer.choices[0].message.content == "there"
    assert (state(two, "a"), state(two, "b")) == ("unloaded", "loaded")
    assert metric(two, "pingti_memory_used_bytes") == 101 <= metric(two, "pingti_memory_budget_bytes") == 150


def test_the_list_tells_of_all(two):
    models = two.client().models.list().data
    assert [m.id for m in models] == ["a", "alias", "b"]
    assert models[1].parent == "a"
    assert ask(two, "alias").model == "alias"
    assert state(two, "alias") == "loaded"
    entry = two.client().models.retrieve("a")
    assert entry.max_model_len == 2048 and entry.status["value"] == "loaded" and entry.pinned is False
    assert state(two, "b") == "unloaded"  # looking loads nothing
    with pytest.raises(openai.NotFoundError):
        two.client().models.retrieve("c")
    with pytest.raises(openai.NotFoundError) as caught:
        ask(two, "c")
    assert caught.value.code == "model_not_found" and "'a', 'b' are" in str(caught.value)


def test_many_wait_for_one_load(start):
    server = start(models="a=100", load_seconds=0.5, pace=1)
    answers = {}

    def one(i):
        answers[i] = ask(server, "a", f"number {i}").choices[0].message.content

    threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: status(server, "a") == {"value": "loading", "progress": 0.5})
    assert wait_for(lambda: metric(server, "pingti_model_requests_waiting") == 20)
    assert json.loads(request(server, "GET", "/readyz")[2]) == {"status": "ok"}  # nothing was to be loaded at start
    for thread in threads:
        thread.join()
    assert answers == {i: f"number {i}" for i in range(20)}
    assert metric(server, "pingti_model_loads_total") == 1


def test_a_busy_model_is_waited_for(two):
    stream = ask(two, "a", "forever", stream=True, max_tokens=300)
    next(iter(stream))
    begin = time.time()
    assert ask(two, "b").choices[0].message.content == "hello"
    assert time.time() - begin < 10
    assert len(list(stream)) > 100  # it was not cut


def test_waiting_in_vain_is_503(start):
    server = start(models="a=100,b=100,broken=10,huge=1000", budget=150, load_wait_ms=200, context=100000)
    stream = ask(server, "a", "forever", stream=True)
    next(iter(stream))
    for model, code in [("b", "model_memory"), ("broken", "model_failed"), ("huge", "model_memory")]:
        code_, headers, data = request(server, "POST", "/v1/chat/completions", {"messages": say("x"), "model": model})
        assert code_ == 503 and json.loads(data)["error"]["code"] == code
        assert int(headers["Retry-After"]) >= 1
    assert status(server, "broken")["failed"] is True
    assert status(server, "broken")["error"]["code"] == "gguf.magic"
    assert metric(server, "pingti_requests_refused_total") == 3
    stream.close()
    assert ask(server, "b").model == "b"


def test_clients_that_leave_while_waiting(start):
    server = start(models="a=100", load_seconds=1)
    body = json.dumps({"messages": say("x")}).encode()
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert wait_for(lambda: metric(server, "pingti_model_requests_waiting") == 1)
    connection.close()
    assert wait_for(lambda: metric(server, "pingti_model_requests_waiting") == 0, 0.7)
    assert 'status="499"' in request(server, "GET", "/metrics")[2].decode()


def test_admin(two):
    def post(path, body, headers=None):
        code, _, data = request(two, "POST", path, body, ADMIN if headers is None else headers)
        return code, json.loads(data)

    assert post("/models/load", {"model": "b"}) == (200, {"success": True})
    assert wait_for(lambda: state(two, "b") == "loaded")
    assert post("/v1/models/unload", {"model": "b"}) == (200, {"success": True})
    assert wait_for(lambda: state(two, "b") == "unloaded")
    assert ask(two, "b").model == "b"
    for headers, code in [({}, 401), ({"Authorization": "Bearer bos"}, 401), ({"X-Api-Key": "boss"}, 200)]:
        assert post("/models/load", {"model": "b"}, headers)[0] == code
    assert post("/models/load", {"model": "c"})[1]["error"]["code"] == "model_not_found"
    for body in [{}, {"model": ""}, {"model": 1}, {"model": "a", "x": 1}, [], "{"]:
        assert post("/models/load", body)[0] == 400
    assert request(two, "GET", "/models/load")[0] == 404  # no model of that name


def test_admin_needs_a_key_of_its_own(start):
    server = start(models="a=100", key="user")
    for headers in [{}, {"Authorization": "Bearer user"}]:
        code, _, data = request(server, "POST", "/models/load", {"model": "a"}, headers)
        assert code == 403 and json.loads(data)["error"]["code"] == "no_admin_key"


def test_unloading_waits_for_answers(two):
    stream = ask(two, "a", "forever", stream=True, max_tokens=200)
    next(iter(stream))
    request(two, "POST", "/models/unload", {"model": "a"}, ADMIN)
    assert state(two, "a") == "loaded"
    assert len(list(stream)) > 100
    assert wait_for(lambda: state(two, "a") == "unloaded")


def test_idle_models_are_unloaded(start):
    server = start(models="a=100", idle_seconds=0.3)
    ask(server, "a")
    assert wait_for(lambda: state(server, "a") == "unloaded")


def test_metrics_name_each_model(start):
    from prometheus_client.parser import text_string_to_metric_families
    server = start(models="a=100,b=100")
    ask(server, "alias")
    ask(server, "b")
    ask(server, "b")
    families = {f.name: f for f in text_string_to_metric_families(request(server, "GET", "/metrics")[2].decode())}
    for prefix in ["pingti_", "vllm:"]:
        counts = {s.labels["model_name"]: s.value for s in families[prefix + "e2e_request_latency_seconds"].samples
                  if s.name.endswith("_count")}
        assert counts == {"a": 1, "b": 2}
        assert {s.labels["model_name"] for s in families[prefix + "generation_tokens"].samples} == {"a", "b"}
    states = {(s.labels["model_name"], s.labels["state"]): s.value for s in families["pingti_model_state"].samples}
    assert states["a", "loaded"] == 1 and states["a", "failed"] == 0


def test_many_clients_of_many_models(start):
    """Models that do not fit together, asked for at random by many: every answer is right, the budget holds."""
    server = start(models="a=60,b=60,c=60,d=60,e=150", budget=200, load_seconds=0.02, pace=1)
    wrong = []
    over = []

    def client(seed):
        for i in range(6):
            model = "abcde"[(seed * 7 + i * 3) % 5]
            text = f"{model} {seed} {i}"
            try:
                answer = ask(server, model, text)
                if answer.model != model or answer.choices[0].message.content != text:
                    wrong.append(answer)
            except openai.APIError as error:
                wrong.append(error)
            if metric(server, "pingti_memory_used_bytes") > 200:
                over.append(i)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and not over
    assert metric(server, "pingti_requests_running") in (0, None)


def test_draining_ends_the_wait(start):
    server = start(models="a=100", load_seconds=2)
    result = []
    thread = threading.Thread(target=lambda: result.append(post_chat(server)))
    thread.start()
    assert wait_for(lambda: metric(server, "pingti_model_requests_waiting") == 1)
    server.terminate()
    thread.join()
    assert result[0][0] == 503 and result[0][1]["error"]["code"] == "draining"
    assert server.process.wait(10) == 0


def test_models_that_come_and_go_with_every_request(start):
    """A load may be over before the request has begun to wait for it."""
    for _ in range(5):
        server = start(models="a=100", idle_seconds=0.002, pace=0.1)
        for i in range(40):
            assert ask(server, "a", f"{i}").choices[0].message.content == f"{i}"
        server.terminate()
        assert server.process.wait(5) == 0
