"""A fake_server process: the real server on a scripted engine (fake_engine.h).

PINGTI_BINARY (the pingti program) or PINGTI_BUILD (the build folder) says which build to test.
"""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import openai

ROOT = pathlib.Path(__file__).resolve().parents[2]


def fake_server_binary():
    if "PINGTI_BUILD" in os.environ:
        folders = [ROOT / os.environ["PINGTI_BUILD"]]
    elif "PINGTI_BINARY" in os.environ:
        folders = [pathlib.Path(os.environ["PINGTI_BINARY"]).resolve().parents[2]]
    else:
        folders = [ROOT / "build/release", ROOT / "build/dev"]
    for folder in folders:
        path = folder / "tests/server/fake_server"
        if path.exists():
            return path
    raise FileNotFoundError(f"fake_server is in none of {[str(f) for f in folders]}: build it, or set PINGTI_BUILD")


class Server:
    """A fake_server process; flags without dashes: Server(pace=5, key="k"); a list repeats its flag."""

    def __init__(self, **flags):
        args = [str(fake_server_binary())]
        for name, value in flags.items():
            for each in value if isinstance(value, list) else [value]:
                args += ["--" + name.replace("_", "-"), str(each)]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on (\d+)\n", line)
        if not match:
            raise RuntimeError(self.process.stderr.read())
        self.port = int(match[1])
        self.url = f"http://127.0.0.1:{self.port}"
        if "load_seconds" not in flags:
            self.wait_ready()

    def wait_ready(self, seconds=10):
        end = time.time() + seconds
        while time.time() < end:
            try:
                with urllib.request.urlopen(self.url + "/readyz"):
                    return
            except urllib.error.HTTPError:
                time.sleep(0.01)
        raise RuntimeError("the server is not ready")

    def client(self, key="none", **options):
        return openai.OpenAI(base_url=self.url + "/v1", api_key=key, max_retries=0, timeout=20, **options)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def started_servers():
    """Gives a function that starts servers; they end with the block."""
    servers = []

    def start(**flags):
        servers.append(Server(**flags))
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            server.stop()
