"""Starts the server under test: fake_server (a scripted engine) by default.

PINGTI_BUILD names the build folder. With PINGTI_SERVER_URL set, the tests that make sense for any model run
against that server instead.
"""
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import openai
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def fake_server_binary():
    folders = [os.environ["PINGTI_BUILD"]] if "PINGTI_BUILD" in os.environ else ["build/release", "build/dev", "build/asan"]
    for folder in folders:
        path = (ROOT / folder / "tests/server/fake_server").resolve()
        if path.exists():
            return path
    pytest.exit("fake_server is not built; set PINGTI_BUILD to the build folder", 1)


class Server:
    """A fake_server process; flags without dashes: Server(pace=5, key="k")."""

    def __init__(self, **flags):
        args = [str(fake_server_binary())]
        for name, value in flags.items():
            args += ["--" + name.replace("_", "-"), str(value)]
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


@pytest.fixture
def start():
    """Starts servers that end with the test."""
    servers = []

    def make(**flags):
        servers.append(Server(**flags))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server():
    """One server for all tests that do not disturb it."""
    running = Server(pace=1)
    yield running
    running.terminate()
    assert running.process.wait(10) == 0


@pytest.fixture(scope="session")
def client(server):
    return server.client()
