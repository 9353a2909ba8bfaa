import pytest

from fake_server import Server


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
