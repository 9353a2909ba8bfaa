"""The chat page, used as a person does."""
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from browser import open_browser


def wait(driver, condition, seconds=10):
    return WebDriverWait(driver, seconds, 0.05).until(condition)


def css(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def one(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def send(driver, text):
    driver.execute_script("const i = document.getElementById('input'); i.value = arguments[0];"
                          "i.dispatchEvent(new Event('input'));", text)
    one(driver, "#input").send_keys(Keys.ENTER)


def wait_idle(driver, seconds=20):
    wait(driver, lambda d: css(d, "article.assistant") and not css(d, "article.busy") and one(d, "#send").is_displayed(),
         seconds)


def last_answer(driver):
    return css(driver, "article.assistant .body")[-1]


def test_sends_and_streams(page):
    assert one(page, "#model").text == "fake" or wait(page, lambda d: one(d, "#model").text == "fake")
    send(page, "forever")
    wait(page, lambda d: css(d, "article.busy"))
    first = wait(page, lambda d: last_answer(d).text)
    wait(page, lambda d: len(last_answer(d).text) > len(first))
    assert one(page, "#stop").is_displayed() and not one(page, "#send").is_displayed()
    one(page, "#stop").click()
    wait_idle(page)
    assert "Stopped" in css(page, "article.assistant .foot")[-1].text
    length = len(last_answer(page).text)
    time.sleep(0.3)
    assert len(last_answer(page).text) == length


def test_escape_stops(page):
    send(page, "forever")
    wait(page, lambda d: css(d, "article.busy") and last_answer(d).text)
    one(page, "#input").send_keys(Keys.ESCAPE)
    wait_idle(page)


def test_typing_enter_and_shift_enter(page):
    field = one(page, "#input")
    field.send_keys("one", Keys.SHIFT, Keys.ENTER)
    field.send_keys(Keys.NULL, "two")
    field.send_keys(Keys.ENTER)
    wait_idle(page)
    assert css(page, "article.user .body")[0].text == "one\ntwo"
    assert field.get_attribute("value") == ""


def test_markdown(page):
    send(page, "# Title\n\nSome **bold**, *soft* and `code & <b>` with [a link](https://example.org/x).\n\n"
               "- one\n- two\n  1. deep\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n> quoted\n\n"
               "```python\ndef f(x):\n    return \"<b>&amp;\" # ok\n```\n\n- [x] task\n\n---\nAT&amp;T &lt;tag&gt; \\* ![pic](https://e.org/p.png)")
    wait_idle(page)
    body = last_answer(page)
    def text(selector):
        return [e.text for e in body.find_elements(By.CSS_SELECTOR, selector)]
    assert text("h2") == ["Title"]
    assert text("strong") == ["bold"] and text("em") == ["soft"]
    assert text("p > code") == ["code & <b>"]
    link = body.find_element(By.CSS_SELECTOR, "a")
    assert link.get_attribute("href") == "https://example.org/x"
    assert "noopener" in link.get_attribute("rel") and "noreferrer" in link.get_attribute("rel")
    assert text("li li") == ["deep"]
    assert text("td") == ["1", "2"] and text("blockquote") == ["quoted"]
    code = body.find_element(By.CSS_SELECTOR, "pre code")
    assert code.get_attribute("textContent") == 'def f(x):\n    return "<b>&amp;" # ok'
    assert text("pre .hljs-keyword") == ["def", "return"]
    assert body.find_element(By.CSS_SELECTOR, "input[type=checkbox]").is_selected()
    assert "AT&T <tag> * [image: pic]" in body.text
    assert not css(page, "#messages img")


def test_copy(page):
    send(page, "```\ncopy me\n```")
    wait_idle(page)
    page.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    button = one(page, ".code-head button")
    button.click()
    wait(page, lambda d: button.text == "Copied")
    assert page.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == "copy me"


def test_conversation_is_kept(page):
    send(page, "remember this")
    wait_idle(page)
    page.refresh()
    assert [e.text for e in css(page, "article .body")] == ["remember this", "remember this"]
    one(page, "#new-chat").click()
    assert not css(page, "article") and one(page, "#welcome").is_displayed()
    page.refresh()
    assert not css(page, "article")


def test_retry(page):
    send(page, "again")
    wait_idle(page)
    one(page, ".retry").click()
    wait_idle(page)
    assert [e.text for e in css(page, "article .body")] == ["again", "again"]


def test_settings(page):
    one(page, "#open-settings").click()
    one(page, "#set-max-tokens").send_keys("5")
    one(page, "#set-system").send_keys("be brief")
    one(page, "dialog .primary").click()
    send(page, "forever")
    wait_idle(page)
    assert last_answer(page).text == "over"
    assert "length limit" in css(page, ".foot")[-1].text
    page.refresh()
    one(page, "#open-settings").click()
    assert one(page, "#set-max-tokens").get_attribute("value") == "5"
    one(page, "#settings-reset").click()
    assert one(page, "#set-system").get_attribute("value") == ""
    one(page, "dialog .primary").send_keys(Keys.ENTER)


def test_keyboard_alone(page):
    seen = []
    for _ in range(12):
        page.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(page.switch_to.active_element.get_attribute("id"))
    assert {"new-chat", "open-settings", "language", "input"} <= set(seen)
    one(page, "#open-settings").send_keys(Keys.ENTER)
    assert page.execute_script("return document.getElementById('settings').open")
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait(page, lambda d: not d.execute_script("return document.getElementById('settings').open"))


def test_language_switch(page):
    assert one(page, "#new-chat").text == "New chat"
    one(page, "#language").click()
    assert one(page, "#new-chat").text == "新对话"
    assert one(page, "#input").get_attribute("placeholder") == "输入消息"
    assert one(page, "html").get_attribute("lang") == "zh-CN"
    page.refresh()
    assert one(page, "#new-chat").text == "新对话"
    one(page, "#language").click()
    assert one(page, "#new-chat").text == "New chat"


def test_errors_are_told(page, start):
    send(page, "fail")
    wait_idle(page)
    assert "scripted failure" in css(page, ".foot .error")[-1].text
    send(page, "works")
    wait_idle(page)
    assert last_answer(page).text == "works"
    small = start(context=200)
    page.get(small.url)
    send(page, "x" * 300)
    wait_idle(page)
    assert "200" in one(page, ".foot .error").text


def test_api_key_is_asked_for(page, start):
    locked = start(key="open sesame", pace=0.3)
    page.get(locked.url)
    wait(page, lambda d: "API key" in one(d, "#notice").text)
    send(page, "hello")
    wait(page, lambda d: d.execute_script("return document.getElementById('settings').open"))
    one(page, "#set-key").send_keys("open sesame")
    one(page, "dialog .primary").click()
    wait(page, lambda d: one(d, "#model").text == "fake")
    one(page, ".retry").click()
    wait_idle(page)
    assert last_answer(page).text == "hello"


def test_loading_is_shown(page, start):
    slow = start(load_seconds=2)
    page.get(slow.url)
    wait(page, lambda d: "loading" in one(d, "#notice").text)
    wait(page, lambda d: one(d, "#model").text == "fake")
    assert not one(page, "#notice").is_displayed()


def test_chinese_browser(server):
    driver = open_browser("zh-CN", (420, 800))
    try:
        driver.get(server.url)
        assert one(driver, "#welcome h2").text == "想聊点什么？"
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        driver.quit()
