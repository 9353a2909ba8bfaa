"""Model output that tries to run code: nothing may execute, and no active element may appear."""
import pytest

from test_page import css, last_answer, send, wait_idle

VECTORS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<a href='javascript:alert(1)'>click</a>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<x onclick=alert(1)>click</x>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](javascript&colon;alert(1))",
    "[a](\x01javascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[a](vbscript:msgbox(1))",
    "[a](file:///etc/passwd)",
    "[a](blob:https://x/1)",
    "[a](<javascript:alert(1)>)",
    "[a](//evil.example/x)",
    "[a](https://e.org/\"onmouseover=alert(1)//)",
    "[a](https://e.org 'title\" onmouseover=\"alert(1)')",
    "[<img src=x onerror=alert(1)>](https://e.org)",
    "![x](javascript:alert(1))",
    "![x\" onerror=\"alert(1)](https://evil.example/track.png)",
    "![](https://evil.example/track.png)",
    "<javascript:alert(1)>",
    "<https://e.org/\"onclick=alert(1)>",
    "[r]: javascript:alert(1)\n\n[click][r]",
    "`<img src=x onerror=alert(1)>`",
    "```html\n<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n```",
    "```\"><img src=x onerror=alert(1)>\nx\n```",
    "```xml\n<svg onload=\"alert(1)\"/>&lt;script&gt;\n```",
    "```__proto__\nx\n```",
    "```javascript\nconst a = `${alert(1)}</span><script>alert(1)</script>`;\n```",
    "# <img src=x onerror=alert(1)>",
    "- <svg onload=alert(1)>\n  - <script>alert(1)</script>",
    "> <iframe src=javascript:alert(1)>",
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| <script>alert(1)</script> | [x](javascript:alert(1)) |",
    "**<img src=x onerror=alert(1)>** ~~<script>alert(1)</script>~~",
    "&lt;img src=x onerror=alert(1)&gt; &#60;script&#62;alert(1)&#60;/script&#62;",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "\\<img src=x onerror=alert(1)\\>",
    "<a href=\"https://e.org\" onclick=\"alert(1)\">x</a>",
    "<div style=\"background:url(javascript:alert(1))\">x</div>",
    "- [ ] <input type=checkbox onchange=alert(1)>",
    "<p id=messages></p><p id=input></p>",
    ">" * 300 + " deep",
    "[" * 200 + "x" + "](javascript:alert(1))" * 200,
]

# Everything in the conversation must be made of these.
CHECK = r"""
const problems = [];
const tags = new Set(['ARTICLE','DIV','SPAN','P','H2','H3','H4','H5','H6','UL','OL','LI','BLOCKQUOTE','HR','BR','PRE','CODE',
  'STRONG','EM','DEL','A','TABLE','THEAD','TBODY','TR','TH','TD','INPUT','BUTTON']);
const attributes = new Set(['class','href','target','rel','type','tabindex','disabled','start','hidden','aria-busy','role']);
for (const element of document.querySelectorAll('#messages *')) {
  if (!tags.has(element.tagName)) problems.push('element ' + element.outerHTML.slice(0, 200));
  for (const {name, value} of element.attributes) {
    if (!attributes.has(name)) problems.push('attribute ' + name + '=' + value);
    if (name === 'href' && !/^(https?:|mailto:)/.test(element.protocol)) problems.push('link ' + value);
  }
}
if (document.querySelectorAll('#input, #messages').length !== 2) problems.push('ids');
if (document.scripts.length !== 3) problems.push('scripts ' + document.scripts.length);
return problems;
"""


def test_the_check_finds_what_must_not_be_there(page):
    page.execute_script("""
        const messages = document.querySelector('#messages');
        messages.append(document.createElement('img'));
        const link = document.createElement('a');
        link.setAttribute('href', 'javascript:0');
        link.setAttribute('name', 'x');
        messages.append(link);
        const second = document.createElement('p');
        second.id = 'input';
        messages.append(second);""")
    problems = page.execute_script(CHECK)
    for start in ["element <img", "attribute name=x", "link javascript:0", "attribute id=input", "ids"]:
        assert any(problem.startswith(start) for problem in problems), (start, problems)


@pytest.mark.parametrize("index", range(len(VECTORS)))
def test_streamed_output_is_harmless(page, index):
    vector = VECTORS[index]
    send(page, vector)
    wait_idle(page)
    assert last_answer(page).get_attribute("textContent").strip()
    for link in css(page, "#messages a"):
        page.execute_script("arguments[0].addEventListener('click', (e) => e.preventDefault()); arguments[0].click();", link)
    assert page.execute_script(CHECK) == []


def test_all_of_them_from_the_stored_conversation(page):
    page.execute_script(
        "localStorage.setItem('pingti.messages', JSON.stringify(arguments[0].map((content) => ({role: 'assistant', content}))))",
        VECTORS)
    page.refresh()
    assert len(css(page, "article.assistant")) == len(VECTORS)
    assert page.execute_script(CHECK) == []


def test_stored_conversation_of_the_wrong_shape(page):
    for stored in ["{", "3", "[null, 1, {\"role\": \"x\"}, {\"role\": \"user\", \"content\": 5}]"]:
        page.execute_script("localStorage.setItem('pingti.messages', arguments[0])", stored)
        page.refresh()
        assert css(page, "article") == []
