"""Lanes, priorities, time limits and refusals before anything is computed."""
import json
import threading
import time

import openai
import pytest

from helpers import metric, post_chat, request, say, wait_for


def ask(server, headers=None, **fields):
    """(status, headers, body) of a chat request."""
    status, headers, data = request(server, "POST", "/v1/chat/completions", {"messages": say("hi"), **fields}, headers)
    return status, headers, json.loads(data)


def hold(server, **fields):
    """A streamed answer that goes on until it is closed."""
    stream = server.client().chat.completions.create(model="fake", messages=say("forever"), stream=True, extra_body=fields)
    next(iter(stream))
    return stream


def lane_metric(server, name, lane):
    from prometheus_client.parser import text_string_to_metric_families
    _, _, data = request(server, "GET", "/metrics")
    for family in text_string_to_metric_families(data.decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels.get("lane") == lane:
                return sample.value
    return None


@pytest.mark.parametrize("tier, served", [("auto", "default"), ("default", "default"), ("flex", "flex"), ("priority", "priority")])
def test_the_service_tier_is_echoed(client, tier, served):
    answer = client.chat.completions.create(model="fake", messages=say("hi"), service_tier=tier)
    assert answer.service_tier == served
    for chunk in client.chat.completions.create(model="fake", messages=say("hi"), service_tier=tier, stream=True):
        assert chunk.service_tier == served


def test_serving_fields_are_checked(server):
    assert "service_tier" not in ask(server)[2]
    for fields, param in [({"service_tier": "gold"}, "service_tier"), ({"priority": "high"}, "priority"), ({"priority": 1.5}, "priority"),
                          ({"timeout": 0}, "timeout"), ({"timeout": -1}, "timeout"), ({"timeout": "5"}, "timeout")]:
        status, _, body = ask(server, **fields)
        assert status == 400 and body["error"]["param"] == param, fields
    for value in ["0", "-1", "soon", "nan", "1e99", "5s"]:
        status, _, body = ask(server, {"X-Request-Timeout": value})
        assert status == 400 and body["error"]["param"] == "X-Request-Timeout", value
    assert ask(server, {"X-Request-Timeout": "20"}, timeout=30)[0] == 200


def test_priority_and_tier_order_those_who_wait(start):
    server = start(pace=2, batch=1, context=100000)
    first = hold(server)
    order = []

    def wait(name, fields):
        ask(server, **fields)
        order.append(name)

    threads = []
    for i, (name, fields) in enumerate([("flex", {"service_tier": "flex"}), ("plain", {}), ("tier", {"service_tier": "priority"}),
                                        ("own", {"priority": -1000, "service_tier": "flex"})]):
        threads.append(threading.Thread(target=wait, args=(name, fields)))
        threads[-1].start()
        assert wait_for(lambda: metric(server, "pingti_requests_waiting") == i + 1)
    first.close()
    for thread in threads:
        thread.join()
    assert order == ["own", "tier", "plain", "flex"]


def test_a_full_lane_refuses_and_the_others_do_not(start):
    server = start(pace=5, batch=1, context=100000, lane_limits="100,500", lane_queues="1,2,3")
    held = hold(server, max_tokens=100000)
    threads = [threading.Thread(target=ask, args=(server,), kwargs={"max_tokens": 5})]
    threads[0].start()
    assert wait_for(lambda: lane_metric(server, "pingti_lane_requests_waiting", "S") == 1)
    status, headers, body = ask(server, max_tokens=5)
    assert status == 503 and body["error"]["code"] == "queue_full" and "lane S" in body["error"]["message"]
    assert int(headers["Retry-After"]) >= 1
    status, _, body = ask(server, n=2, max_tokens=5)
    assert status == 400 and body["error"]["param"] == "n", "more than its lane could ever hold"
    threads.append(threading.Thread(target=ask, args=(server,), kwargs={"max_tokens": 200}))
    threads[1].start()
    assert wait_for(lambda: lane_metric(server, "pingti_lane_requests_waiting", "M") == 1)
    assert metric(server, "vllm:num_requests_waiting") == 2
    assert metric(server, "vllm:admission_rejections_total") == 1
    held.close()
    for thread in threads:
        thread.join()
    assert ask(server, max_tokens=5)[0] == 200


def test_a_burst_is_bounded_while_it_is_tokenized(start):
    server = start(pace=2, batch=1, max_queue=5, context=100000)
    held = hold(server)
    codes = []

    def burst():
        codes.append(ask(server, max_tokens=3)[0])

    threads = [threading.Thread(target=burst) for _ in range(40)]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: len(codes) == 35)
    assert codes == [503] * 35
    held.close()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 5 + [503] * 35


def test_places_are_given_back_whatever_becomes_of_a_request(start):
    server = start(pace=1, batch=1, max_queue=2, context=300)
    for _ in range(10):
        assert ask(server, messages=say("x" * 5000))[0] == 400, "too long: refused after its place was reserved"
        assert ask(server, messages=say("fail"))[0] == 500
        assert ask(server, logit_bias={"999999": 1})[0] == 400
        assert ask(server, timeout=0.01)[0] in (200, 408, 503)
    assert metric(server, "pingti_requests_waiting") == 0
    assert ask(server)[0] == 200


def test_a_deadline_that_cannot_be_met_is_refused_at_once(start):
    server = start(prefill_rate=10, context=100000)
    begin = time.time()
    status, headers, body = ask(server, messages=say("x" * 200), timeout=10)
    assert time.time() - begin < 5
    assert status == 503 and body["error"]["code"] == "deadline_too_near"
    assert 10 <= int(headers["Retry-After"]) <= 20, "20 to 30 seconds of prompt, 10 of them allowed"
    assert ask(server, messages=say("x" * 2000), timeout=10)[0] == 503, "known from the body's size"
    assert ask(server, {"X-Request-Timeout": "10"}, messages=say("x" * 200))[0] == 503
    assert ask(server, {"X-Request-Timeout": "10"}, messages=say("x" * 200), timeout=1000)[0] == 503, "the nearer one counts"
    assert ask(server, messages=say("x" * 200), timeout=1000)[0] == 200
    assert ask(server, messages=say("x" * 200))[0] == 200
    assert metric(server, "pingti_requests_refused_total") == 4


def test_a_server_may_bound_the_predicted_wait(start):
    server = start(prefill_rate=10, max_wait_seconds=15, context=100000)
    status, headers, body = ask(server, messages=say("x" * 400))
    assert status == 503 and body["error"]["code"] == "overloaded" and int(headers["Retry-After"]) >= 10
    assert ask(server, messages=say("x" * 20))[0] == 200


def test_what_waits_in_front_counts(start):
    server = start(prefill_rate=100, batch=1, context=100000)
    held = hold(server)
    waiting = threading.Thread(target=ask, args=(server,), kwargs={"messages": say("y" * 2000)})
    waiting.start()
    assert wait_for(lambda: metric(server, "pingti_requests_waiting") == 1)
    assert ask(server, timeout=5)[0] == 503
    held.close()
    waiting.join()
    assert ask(server, timeout=5)[0] == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_deadline_ends_a_running_answer(start, stream):
    server = start(pace=5, context=100000)
    begin = time.time()
    if stream:
        with pytest.raises(openai.APIError) as caught:
            for _ in server.client().chat.completions.create(model="fake", messages=say("forever"), stream=True, extra_body={"timeout": 0.3}):
                pass
        assert caught.value.code == "deadline_exceeded"
    else:
        status, _, body = ask(server, messages=say("forever"), timeout=0.3)
        assert status == 408 and body["error"]["code"] == "deadline_exceeded" and body["error"]["type"] == "timeout_error"
    assert 0.25 < time.time() - begin < 3
    assert wait_for(lambda: metric(server, "pingti_requests_running") == 0)
    assert metric(server, "pingti_deadlines_missed_total") == 1


def test_a_deadline_ends_a_waiting_request(start):
    server = start(pace=5, batch=1, context=100000)
    held = hold(server)
    status, _, body = ask(server, timeout=0.3)
    assert status == 408 and body["error"]["code"] == "deadline_exceeded"
    assert metric(server, "pingti_requests_waiting") == 0
    held.close()


def test_lane_and_time_metrics(start):
    server = start(lane_limits="100,500", context=100000)
    for fields in [{"max_tokens": 5}, {"max_tokens": 5, "n": 2}, {"max_tokens": 200}]:
        assert ask(server, messages=say("hello"), **fields)[0] == 200
    assert lane_metric(server, "pingti_lane_time_to_first_token_seconds_count", "S") == 2
    assert lane_metric(server, "pingti_lane_time_to_first_token_seconds_count", "M") == 1
    assert lane_metric(server, "pingti_lane_queue_time_seconds_count", "S") == 2
    for lane in "SML":
        assert lane_metric(server, "pingti_lane_requests_running", lane) == 0
        assert lane_metric(server, "pingti_lane_backlog_tokens", lane) == 0
    for prefix in ["pingti_", "vllm:"]:
        assert metric(server, prefix + "request_queue_time_seconds_count") == 3
        assert metric(server, prefix + "request_prefill_time_seconds_count") == 3
        assert metric(server, prefix + "request_decode_time_seconds_count") == 4, "one for each choice"
        assert metric(server, prefix + "request_time_per_output_token_seconds_count") == 4
        assert metric(server, prefix + "request_params_n_sum") == 4
        assert metric(server, prefix + "request_params_max_tokens_sum") == 210
    assert metric(server, "pingti_capacity_left_ratio") == 1
    held = hold(server)
    assert metric(server, "pingti_capacity_left_ratio") == pytest.approx(1 - 1 / 8)
    held.close()
