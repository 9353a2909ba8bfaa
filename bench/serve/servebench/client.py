"""Requests to an OpenAI-compatible server."""
import asyncio
import dataclasses
import json

from . import http
from .record import OK, Record

NO_ANSWER = "no_answer"          # refused, reset, or not HTTP
BROKEN_STREAM = "broken_stream"  # a stream that ends without [DONE]
TIMEOUT = "timeout"


@dataclasses.dataclass
class Ask:
    """One request: a prompt text goes to /completions, messages go to /chat/completions."""

    prompt: str | list
    max_tokens: int
    label: str = ""
    phase: str = "cold"
    turn: int = 0
    stream: bool = True
    model: str | None = None
    fields: dict = dataclasses.field(default_factory=dict)

    @property
    def chat(self):
        return not isinstance(self.prompt, str)


class Client:
    """Sends Asks. fields go into every body; an Ask's own fields win. connector: as http.connect."""

    def __init__(self, url, model=None, key=None, fields=None, timeout=600, connector=http.connect):
        self.address = http.Address.parse(url)
        self.model = model
        self.fields = fields or {}
        self.timeout = timeout
        self.connector = connector
        self.headers = [("Content-Type", "application/json")]
        if key:
            self.headers.append(("Authorization", f"Bearer {key}"))

    def body(self, ask):
        body = {"max_tokens": ask.max_tokens, "stream": ask.stream, **self.fields, **ask.fields}
        body["messages" if ask.chat else "prompt"] = ask.prompt
        if ask.model or self.model:
            body["model"] = ask.model or self.model
        if ask.stream:
            body["stream_options"] = {"include_usage": True}
        return body

    async def ask(self, ask):
        """The Record of a request; never raises for what a server can cause."""
        record = Record(label=ask.label, phase=ask.phase, turn=ask.turn, streamed=ask.stream, start=http.now())
        path = self.address.path + ("/chat/completions" if ask.chat else "/completions")
        try:
            async with asyncio.timeout(self.timeout):
                data = json.dumps(self.body(ask)).encode()
                async with self.exchange("POST", path, data) as answer:
                    record.status = answer.status
                    if answer.status != 200:
                        record.error = error_code(answer.status, await answer.body())
                    elif ask.stream:
                        await self._read_stream(answer, record)
                    else:
                        self._read_whole(json.loads(await answer.body()), record)
        except TimeoutError:
            record.error = TIMEOUT
        except (OSError, http.ProtocolError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            record.error = f"{NO_ANSWER if record.status == 0 else BROKEN_STREAM}: {type(error).__name__}"
        if not record.end:
            record.end = http.now()
        return record

    def exchange(self, method, path, body=b"", headers=()):
        return http.exchange(self.address, method, path, body, [*self.headers, *headers], self.connector)

    async def get(self, path, absolute=False):
        """(status, body) of a GET below the base URL, or of the host's own path."""
        async with asyncio.timeout(self.timeout):
            async with self.exchange("GET", path if absolute else self.address.path + path) as answer:
                return answer.status, await answer.body()

    async def post(self, path, fields, absolute=False):
        """(status, decoded JSON or None)."""
        async with asyncio.timeout(self.timeout):
            path = path if absolute else self.address.path + path
            async with self.exchange("POST", path, json.dumps(fields).encode()) as answer:
                data = await answer.body()
        try:
            return answer.status, json.loads(data)
        except ValueError:
            return answer.status, None

    async def _read_stream(self, answer, record):
        events = 0
        done = False
        async for time, data in answer.events():
            if data == "[DONE]":
                record.end, done = time, True
                break
            event = json.loads(data)
            if "error" in event:
                record.error = str(event["error"].get("code") or event["error"].get("type") or "error")
                return
            if usage := event.get("usage"):
                read_usage(usage, record)
            for choice in event.get("choices", []):
                if text := choice_text(choice):
                    record.outputs.append((time, text))
                    events += 1
                record.finish = choice.get("finish_reason") or record.finish
        record.text = "".join(text for _, text in record.outputs)
        if not record.counted:
            record.output_tokens = events
        if not done:
            record.error = BROKEN_STREAM

    def _read_whole(self, answer, record):
        choice = answer["choices"][0]
        record.text = choice_text(choice)
        record.finish = choice.get("finish_reason")
        read_usage(answer.get("usage") or {}, record)


def choice_text(choice):
    """The text of a choice, streamed or whole: the answer, its reasoning, or a tool call's arguments."""
    part = choice.get("delta") or choice.get("message")
    if part is None:
        return choice.get("text") or ""
    text = (part.get("reasoning_content") or part.get("reasoning") or "") + (part.get("content") or "")
    for call in part.get("tool_calls") or []:
        function = call.get("function") or {}
        text += (function.get("name") or "") + (function.get("arguments") or "")
    return text


def read_usage(usage, record):
    record.prompt_tokens = usage.get("prompt_tokens") or record.prompt_tokens
    if "completion_tokens" in usage:
        record.output_tokens, record.counted = usage["completion_tokens"], True
    details = usage.get("prompt_tokens_details") or {}
    record.cached_tokens = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0


def error_code(status, body):
    """The code in an error body of any common shape, else the status."""
    try:
        error = json.loads(body)
        error = error.get("error", error)
        code = error if isinstance(error, str) else error.get("code") or error.get("type")
    except (ValueError, AttributeError):
        code = None
    return f"{status} {code}" if code and str(code) != str(status) else str(status)


async def first_model(client):
    """The name of the first model the server lists."""
    status, body = await client.get("/models")
    if status != 200:
        raise RuntimeError(f"GET /models: status {status}")
    return json.loads(body)["data"][0]["id"]


__all__ = ["Ask", "Client", "OK", "error_code", "first_model"]
