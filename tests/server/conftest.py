import pytest

from fake_server import Server, started_servers


@pytest.fixture
def start():
    """Starts servers that end with the test."""
    with started_servers() as make:
        yield make


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
