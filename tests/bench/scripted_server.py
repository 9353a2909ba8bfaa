"""A server without sockets: bytes of HTTP at scripted times, for the client's connector."""
import asyncio
import json


class Writer:
    """What a client writes to; answers once the request is whole."""

    def __init__(self, server, reader):
        self.server, self.reader, self.data, self.task, self.closed = server, reader, b"", None, False

    def write(self, data):
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        if end and self.task is None:
            headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if len(body) == int(headers[b"content-length"]):
                self.server.requests.append((head.split(b"\r\n")[0].decode(), body))
                self.task = asyncio.ensure_future(self.server.answer(body, self.reader))

    async def drain(self):
        pass

    def close(self):
        self.closed = True
        if self.task:
            self.task.cancel()


class ScriptedServer:
    """Streams a piece of text after each of `delays` seconds; script(body, index) may give other delays, an
    (status, bytes) answer, or None for a connection that breaks. piece: bytes per write, all of an event if None."""

    def __init__(self, delays=(1.0, 0.1, 0.1), script=None, piece=None, usage=True):
        self.delays, self.script, self.piece, self.usage = delays, script, piece, usage
        self.requests = []
        self.active = self.most_active = 0

    async def connector(self, address):
        reader = asyncio.StreamReader(limit=1 << 16)
        return reader, Writer(self, reader)

    def feed(self, reader, data):
        size = self.piece or len(data)
        for at in range(0, len(data), size):
            reader.feed_data(data[at:at + size])

    async def answer(self, body, reader):
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await self._answer(json.loads(body), reader, len(self.requests) - 1)
        finally:
            self.active -= 1

    async def _answer(self, body, reader, index):
        plan = self.script(body, index) if self.script else self.delays
        if plan is None:
            reader.feed_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
            reader.feed_eof()
            return
        if isinstance(plan[0], int) and isinstance(plan[1], bytes):
            self.feed(reader, b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (plan[0], len(plan[1])) + plan[1])
            return
        prompt = body.get("prompt") or " ".join(message["content"] for message in body["messages"])
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(plan),
                 "prompt_tokens_details": {"cached_tokens": index}}
        texts = [f" w{n}" for n in range(len(plan))]
        if not body["stream"]:
            await asyncio.sleep(sum(plan))
            choice = {"text": "".join(texts), "finish_reason": "length"}
            data = json.dumps({"choices": [choice], "usage": usage}).encode()
            self.feed(reader, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
            return
        self.feed(reader, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.event(reader, {"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        self.chunk(reader, b": keep-alive\n\n")
        for delay, text in zip(plan, texts):
            await asyncio.sleep(delay)
            choice = {"delta": {"content": text}} if "messages" in body else {"text": text}
            self.event(reader, {"choices": [choice]})
        self.event(reader, {"choices": [{"delta": {}, "finish_reason": "length"}]})
        if self.usage:
            self.event(reader, {"choices": [], "usage": usage})
        self.chunk(reader, b"data: [DONE]\n\n")
        self.feed(reader, b"0\r\n\r\n")

    def event(self, reader, data):
        self.chunk(reader, b"data: " + json.dumps(data).encode() + b"\n\n")

    def chunk(self, reader, data):
        self.feed(reader, b"%x\r\n" % len(data) + data + b"\r\n")
