"""Server processes under test: started on loopback with a free port, ended with the block that holds them."""
import asyncio
import dataclasses
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

from .client import Client
from .http import ProtocolError


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a load asks of a server: requests at once, and tokens of the longest one."""

    parallel: int
    context: int


class Pingti:
    """One configuration for every load, as a user would leave it: slots and KV are the server's own business."""

    def __init__(self, name, binary, flags=()):
        self.name, self.binary, self.flags = name, str(binary), list(flags)
        self.metrics = True

    def command(self, models, threads, needs, port):
        names = [part for model in models for part in ("-m", str(model))]
        return [self.binary, "serve", *names, "-t", str(threads), "-c", str(needs.context), "--host", "127.0.0.1",
                "--port", str(port), *self.flags]


class LlamaServer:
    """llama-server, a slot for each request at once and room for the longest in every slot."""

    def __init__(self, name, binary, flags=()):
        self.name, self.binary, self.flags = name, str(binary), list(flags)
        self.metrics = False

    def command(self, models, threads, needs, port):
        return [self.binary, "-m", str(models[0]), "-t", str(threads), "-tb", str(threads), "--parallel",
                str(needs.parallel), "-c", str(needs.parallel * needs.context), "--host", "127.0.0.1", "--port",
                str(port), "--no-ui", *self.flags]


def run_program(main):
    """The exit status of a coroutine that holds servers; SIGTERM ends it, and them."""
    async def guarded():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
        return await main

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


class Server:
    """A running server. Not thread-safe. Use as an async context manager."""

    def __init__(self, kind, models, threads, needs, fields=None, key=None):
        self.kind, self.models, self.threads, self.needs, self.key = kind, models, threads, needs, key
        self.fields = fields or {}
        self.process = self.log = self.client = self.command = None

    @property
    def name(self):
        return self.kind.name

    @property
    def pid(self):
        return self.process.pid

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        self.stop()

    async def start(self, seconds=300):
        port = free_port()
        self.command = self.kind.command(self.models, self.threads, self.needs, port)
        self.log = tempfile.NamedTemporaryFile(prefix="serve-", suffix=".log", delete=False)
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL)
        self.client = Client(f"http://127.0.0.1:{port}/v1", key=self.key, fields=self.fields)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                status, _ = await self.client.get("/health", absolute=True)
                if status == 200:
                    return
            except (OSError, TimeoutError, ProtocolError):
                pass
            await asyncio.sleep(0.05)
        text = pathlib.Path(self.log.name).read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"{' '.join(self.command)} did not get ready:\n{text[-2000:]}")

    def stop(self, kill=False):
        """Ends the process; returns its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        status = self.process.wait()
        self.log.close()
        pathlib.Path(self.log.name).unlink(missing_ok=True)
        self.process = None
        return status

    async def restart(self, kill=False):
        self.stop(kill)
        await self.start()
