"""Plain HTTP for the tests: what the openai client hides."""
import http.client
import json
import socket
import time


def say(text):
    return [{"role": "user", "content": text}]


def request(server, method, path, body=None, headers=None):
    """(status, headers, body) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.headers, data


def post_chat(server, **fields):
    status, headers, data = request(server, "POST", "/v1/chat/completions", {"messages": say("hi"), **fields})
    return status, json.loads(data)


def raw(server, data, timeout=5, shut=False):
    """Sends bytes, reads until the server closes or the time is over."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        try:
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass
        return answer


def metric(server, name):
    """The value of a metric without labels, or the sum over its labels."""
    from prometheus_client.parser import text_string_to_metric_families
    _, _, data = request(server, "GET", "/metrics")
    values = [sample.value for family in text_string_to_metric_families(data.decode()) for sample in family.samples
              if sample.name == name]
    return sum(values) if values else None


def wait_for(condition, seconds=5):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
