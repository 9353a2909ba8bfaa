"""Headless Chromium on the chat page of a fake_server (see tests/server/fake_server.py)."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))

from browser import open_browser  # noqa: E402
from fake_server import Server, started_servers  # noqa: E402


@pytest.fixture(scope="session")
def server():
    running = Server(pace=0.3, context=100000)
    yield running
    running.stop()


@pytest.fixture
def start():
    with started_servers() as make:
        yield make


@pytest.fixture(scope="session")
def browser():
    driver = open_browser()
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, server):
    """The page, fresh."""
    browser.get(server.url + "/")
    browser.execute_script("localStorage.clear(); sessionStorage.clear();")
    browser.get(server.url + "/")
    yield browser
    assert browser.execute_script("return window.executed") == []
    assert browser.execute_script("return window.violations") == []
