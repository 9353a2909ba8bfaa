"""Headless Chromium on the chat page of a fake_server (see tests/server/conftest.py)."""
import importlib.util
import pathlib

import pytest
from selenium import webdriver

spec = importlib.util.spec_from_file_location(
    "server_conftest", pathlib.Path(__file__).resolve().parents[1] / "server/conftest.py")
server_conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(server_conftest)

# Runs before the page's own scripts: notes what must never happen.
WATCH = """
window.violations = [];
window.executed = [];
for (const name of ['alert', 'confirm', 'prompt', 'open', 'print']) window[name] = () => { window.executed.push(name); };
document.addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));
window.addEventListener('error', (e) => window.violations.push('error ' + e.message));
window.addEventListener('unhandledrejection', (e) => window.violations.push('rejection ' + e.reason));
"""


def open_browser(language="en-US", size=(1000, 800), dark=False):
    options = webdriver.ChromeOptions()
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", "--disable-gpu",
                     f"--window-size={size[0]},{size[1]}", f"--lang={language}", f"--accept-lang={language}"]:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.binary_location = "/usr/bin/chromium"
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False})
    if dark:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                               {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    return driver


@pytest.fixture(scope="session")
def server():
    running = server_conftest.Server(pace=0.3, context=100000)
    yield running
    running.stop()


@pytest.fixture
def start():
    servers = []

    def make(**flags):
        servers.append(server_conftest.Server(**flags))
        return servers[-1]

    yield make
    for running in servers:
        running.stop()


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
