"""Headless Chromium that notes what a page must never do."""
import shutil

import pytest
from selenium import webdriver


def program(*names):
    found = next(filter(None, map(shutil.which, names)), None)
    return found or pytest.skip(f"none of {', '.join(names)} is installed")


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
    options.binary_location = program("chromium", "chromium-browser")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(program("chromedriver")))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False})
    if dark:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                               {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    return driver
