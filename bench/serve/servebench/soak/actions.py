"""What a client does in a soak: one coroutine each, and one line in ACTIONS.

An action gets a Context and raises Wrong when the server's answer is neither right nor a proper error.
"""
import asyncio
import contextlib
import json

from .. import http
from ..client import Ask, Client

BUSY = (429, 503)


class Wrong(Exception):
    """An answer that is neither right nor a proper error."""


class Context:
    """What actions share. dice: this client's own random numbers; truth: prompt index -> the answer's text, asked of
    the server when it had nothing else to do."""

    def __init__(self, client, admin, dice, questions, truth, options):
        self.client, self.admin, self.dice = client, admin, dice
        self.questions, self.truth, self.options = questions, truth, options

    def pick(self):
        index = self.dice.randrange(len(self.questions))
        return index, self.questions[index]


def check_error(status, headers, body, statuses):
    """A proper error: one of the statuses, or busy with a Retry-After, and OpenAI's error object."""
    if status not in statuses and status not in BUSY:
        raise Wrong(f"status {status}, wanted one of {statuses}: {body[:200]!r}")
    if status in BUSY and "retry-after" not in headers:
        raise Wrong(f"status {status} without Retry-After")
    try:
        error = json.loads(body)["error"]
        texts = [error["message"], error["type"]]
        shaped = all(isinstance(text, str) for text in texts) and {"param", "code"} <= set(error)
    except (ValueError, KeyError, TypeError):
        shaped = False
    if not shaped:
        raise Wrong(f"status {status} with a body that is no error object: {body[:200]!r}")
    return status


async def refused(context, body, statuses, path="/completions", client=None, method="POST"):
    """Sends a body that must be refused; returns the status."""
    client = client or context.client
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.exchange(method, client.address.path + path, data) as answer:
        return str(check_error(answer.status, answer.headers, await answer.body(), statuses))


def judge(context, index, record):
    """The very text of the quiet answer, or a refusal for load."""
    if record.ok:
        if record.text != context.truth[index]:
            raise Wrong(f"question {index}: {record.text!r} where alone it was {context.truth[index]!r}")
        return "ok"
    if record.status in BUSY:
        return str(record.status)
    raise Wrong(f"question {index}: {record.error}, status {record.status}")


async def whole(context):
    index, ask = context.pick()
    return judge(context, index, await context.client.ask(ask(stream=False)))


async def streamed(context):
    index, ask = context.pick()
    return judge(context, index, await context.client.ask(ask(stream=True)))


async def leave(context):
    """Goes away at some moment of an answer, streamed or not."""
    _, ask = context.pick()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(context.dice.uniform(0, 1.0)):
            await context.client.ask(ask(stream=context.dice.random() < .7))
    return "left"


async def leave_after_tokens(context):
    """Reads some events of a stream, compares them, and closes."""
    index, ask = context.pick()
    body = json.dumps(context.client.body(ask(stream=True))).encode()
    wanted, text = context.dice.randint(1, 12), ""
    async with context.client.exchange("POST", context.client.address.path + "/completions", body) as answer:
        if answer.status != 200:
            return str(check_error(answer.status, answer.headers, await answer.body(), ()))
        async for _, data in answer.events():
            if data == "[DONE]":
                break
            event = json.loads(data)
            if "error" in event:
                raise Wrong(f"question {index}: an error in the stream: {data[:200]}")
            text += "".join(choice["text"] for choice in event["choices"])
            wanted -= 1
            if not wanted:
                break
    if not context.truth[index].startswith(text):
        raise Wrong(f"question {index}: begins {text!r} where alone it was {context.truth[index]!r}")
    return "left"


async def half_a_request(context):
    """Says that a body follows, sends a part or nothing of it, and closes."""
    address = context.client.address
    _, writer = await http.connect(address)
    body = json.dumps(context.client.body(context.pick()[1]())).encode()
    writer.write(f"POST {address.path}/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                 + body[:context.dice.randrange(len(body))])
    with contextlib.suppress(OSError):
        await writer.drain()
        await asyncio.sleep(context.dice.uniform(0, .2))
    writer.close()
    return "left"


async def garbage(context):
    """Bytes that are no HTTP: answered 4xx or closed."""
    reader, writer = await http.connect(context.client.address)
    try:
        writer.write(context.dice.randbytes(context.dice.randint(1, 2000)) + b"\r\n\r\n")
        await writer.drain()
        async with asyncio.timeout(30):
            head = await reader.read(200)
    except OSError:
        return "closed"
    finally:
        writer.close()
    if head and not head.startswith(b"HTTP/1.1 4"):
        raise Wrong(f"garbage was answered {head!r}")
    return head[9:12].decode() or "closed"


async def bad_json(context):
    body = context.dice.choice([b"", b"{", b"[1", b"\xff\xfe", b"null", b"3", b"[" * 5000, b'{"prompt": "a"}\0',
                                b'{"prompt": "a", "max_tokens": 1e999}'])
    return await refused(context, body, (400,))


async def bad_field(context):
    field, value = context.dice.choice([("max_tokens", -1), ("max_tokens", "7"), ("temperature", "hot"), ("n", 10**30),
                                        ("stop", 5), ("stream", "yes"), ("prompt", {"a": 1}), ("logprobs", -3),
                                        ("no_such_field", 1), ("logit_bias", {"x": "y"}), ("seed", [1])])
    return await refused(context, {"prompt": "a", "max_tokens": 2, field: value}, (400, 422))


async def no_such_model(context):
    return await refused(context, {"model": "no-such-model", "prompt": "a"}, (404,))


async def no_such_path(context):
    path = context.dice.choice(["nothing", "chat", "%00", "../etc", "a" * 500])
    return await refused(context, {}, (404, 400), "/" + path)


async def wrong_method(context):
    return await refused(context, b"", (405, 404), method=context.dice.choice(["DELETE", "PUT", "PATCH"]))


async def wrong_key(context):
    address = context.client.address
    scheme = "https" if address.tls else "http"
    stranger = Client(f"{scheme}://{address.host}:{address.port}{address.path}", key="not-the-key")
    return await refused(context, {"prompt": "a", "max_tokens": 2}, (401,), client=stranger)


async def too_long_prompt(context):
    return await refused(context, {"prompt": "word " * (2 * context.options.ctx), "max_tokens": 2}, (400, 413))


async def too_large_body(context):
    """A length over the server's limit: refused, or the connection closed before all was sent."""
    reader, writer = await http.connect(context.client.address)
    key = dict(context.client.headers).get("Authorization", "")
    try:
        writer.write(f"POST {context.client.address.path}/completions HTTP/1.1\r\nHost: localhost\r\n"
                     f"Authorization: {key}\r\nContent-Length: {1 << 30}\r\n\r\n".encode())
        for _ in range(64):
            writer.write(b" " * (1 << 16))
            await writer.drain()
        async with asyncio.timeout(60):
            answer = await http.Answer.begin(reader)
            return str(check_error(answer.status, answer.headers, await answer.body(), (413,)))
    except (OSError, http.ProtocolError):
        return "closed"
    finally:
        writer.close()


async def long_header(context):
    client, headers = context.client, [("X-Long", "a" * (1 << 17))]
    try:
        async with client.exchange("GET", client.address.path + "/models", headers=headers) as answer:
            return str(check_error(answer.status, answer.headers, await answer.body(), (431, 400)))
    except (OSError, http.ProtocolError):
        return "closed"


async def several_choices(context):
    """n answers of one prompt: the first is the answer alone; greedy ones are all equal."""
    index, ask = context.pick()
    body = context.client.body(ask(stream=False)) | {"n": context.dice.randint(2, 4)}
    status, answer = await context.client.post("/completions", body)
    if status in BUSY:
        return str(status)
    texts = [choice["text"] for choice in answer["choices"]] if status == 200 else []
    compared = texts if ask().fields["temperature"] == 0 else texts[:1]
    if not texts or set(compared) != {context.truth[index]}:
        raise Wrong(f"question {index} n times: status {status}, {json.dumps(answer)[:300]}")
    return "ok"


async def look(context):
    """Health, metrics and the list of models answer at any time."""
    path, absolute = context.dice.choice([("/livez", True), ("/readyz", True), ("/metrics", True), ("/models", False)])
    status, _ = await context.client.get(path, absolute)
    if status != 200:
        raise Wrong(f"{path}: status {status}")
    return "ok"


async def load_and_unload(context):
    """A second model comes and goes, through the paths that --load-request and --unload-request give."""
    if not context.options.load_request:
        return "none"
    seen = []
    for request in (context.options.load_request, context.options.unload_request):
        path, _, body = request.partition(" ")
        status, answer = await context.admin.post(path, json.loads(body or "{}"), absolute=True)
        # Two clients do this at once: the other may have been first.
        if status not in (200, 202, 204, 404, 409, *BUSY):
            raise Wrong(f"{path}: status {status}, {answer}")
        seen.append(str(status))
    return "/".join(seen)


# (weight, action)
ACTIONS = [(20, whole), (20, streamed), (15, leave), (10, leave_after_tokens), (4, half_a_request), (3, garbage),
           (4, bad_json), (5, bad_field), (2, no_such_model), (1, no_such_path), (1, wrong_method), (3, wrong_key),
           (2, too_long_prompt), (1, too_large_body), (1, long_header), (4, several_choices), (4, look),
           (1, load_and_unload)]


def question(prompt, tokens, seed, label):
    """A function that makes the Ask of one question: greedy without a seed, else drawn with it."""
    fields = {"temperature": 0} if seed is None else {"temperature": 1.0, "seed": seed}

    def make(stream=True):
        return Ask(prompt, tokens, label, stream=stream, fields=fields)

    return make
