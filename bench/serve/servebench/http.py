"""HTTP/1.1 for one request per connection, over asyncio streams, with the arrival time of every server-sent event."""
import asyncio
import contextlib
import dataclasses
import ssl
import urllib.parse

MAX_HEAD = 64 * 1024
READ_BYTES = 64 * 1024


class ProtocolError(Exception):
    """The server's bytes are not HTTP, or end early."""


def now():
    """Seconds on the event loop's clock, which tests replace; the only clock of this package."""
    return asyncio.get_running_loop().time()


@dataclasses.dataclass(frozen=True)
class Address:
    host: str
    port: int
    tls: bool = False
    path: str = ""

    @staticmethod
    def parse(url):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http(s) URL")
        tls = parts.scheme == "https"
        return Address(parts.hostname, parts.port or (443 if tls else 80), tls, parts.path.rstrip("/"))


async def connect(address):
    """(reader, writer) of a new connection."""
    context = ssl.create_default_context() if address.tls else None
    return await asyncio.open_connection(address.host, address.port, ssl=context, limit=MAX_HEAD)


@contextlib.asynccontextmanager
async def exchange(address, method, path, body=b"", headers=(), connector=connect):
    """Sends a request and gives its Answer; the connection closes with the block, whatever happened."""
    reader, writer = await connector(address)
    try:
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{address.port}", "Connection: close",
                 f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        yield await Answer.begin(reader)
    finally:
        writer.close()


class Answer:
    """Status and headers of an answer whose body is still being read."""

    def __init__(self, reader, status, headers):
        self.reader, self.status, self.headers = reader, status, headers

    @staticmethod
    async def begin(reader):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError as error:
            raise ProtocolError(f"the connection closed after {len(error.partial)} bytes of the header") from error
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("the header is too long") from error
        parts = head[0].split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise ProtocolError(f"no status line: {head[0]!r}")
        headers = {}
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        return Answer(reader, int(parts[1]), headers)

    async def pieces(self):
        """The body, as it comes."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            async for piece in self._chunks():
                yield piece
        elif "content-length" in self.headers:
            left = int(self.headers["content-length"])
            while left:
                piece = await self.reader.read(min(left, READ_BYTES))
                if not piece:
                    raise ProtocolError(f"the body ends {left} bytes early")
                left -= len(piece)
                yield piece
        else:
            while piece := await self.reader.read(READ_BYTES):
                yield piece

    async def _chunks(self):
        try:
            while True:
                size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
                data = await self.reader.readexactly(size + 2)
                if not data.endswith(b"\r\n"):
                    raise ProtocolError("a chunk is longer than it says")
                if size == 0:
                    return
                yield data[:-2]
        except asyncio.IncompleteReadError as error:
            raise ProtocolError("the body ends before its last chunk") from error
        except ValueError as error:
            raise ProtocolError("a chunk without a size") from error

    async def body(self):
        return b"".join([piece async for piece in self.pieces()])

    async def events(self):
        """(time, data) of every server-sent event; comments are left out."""
        rest, data = b"", []
        async for piece in self.pieces():
            time = now()
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                line = line.rstrip(b"\r")
                if line.startswith(b"data:"):
                    data.append(line[5:].removeprefix(b" "))
                elif not line and data:
                    yield time, b"\n".join(data).decode()
                    data = []
