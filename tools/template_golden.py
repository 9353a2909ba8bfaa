#!/usr/bin/env python3
"""Writes what jinja2, set up as transformers sets it up, makes of templates: the oracle of src/jinja and src/text.

  template_golden.py snippets OUT.json             every snippet of template_snippets.py
  template_golden.py chats CASES.json OUT.json FILE.jinja...
                                                   every template with every conversation of CASES.json;
                                                   a template's special tokens come from FILE.json beside it
                                                   ({"bos_token": ..., "eos_token": ...}), if there is one

Needs the packages transformers and jinja2. The clock stands at NOW. An output is stored whole; a failure as
{"error": kind}, kind being "syntax", "raised" (raise_exception) or "runtime".
"""
import datetime
import json
import pathlib
import sys

import jinja2
from transformers.utils import chat_template_utils as oracle

NOW = datetime.datetime(2026, 3, 4, 5, 6, 7)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


oracle.datetime = Clock


def outcome(function):
    try:
        return {"output": function()}
    except jinja2.exceptions.TemplateSyntaxError as error:
        return {"error": "syntax", "message": str(error)}
    except jinja2.exceptions.TemplateRuntimeError as error:
        return {"error": "runtime", "message": str(error)}
    except jinja2.exceptions.TemplateError as error:
        return {"error": "raised", "message": str(error)}
    except Exception as error:  # whatever Python's own types raise
        return {"error": "runtime", "message": f"{type(error).__name__}: {error}"}


def snippets():
    import template_snippets

    def render(source):
        return oracle._compile_jinja_template(source).render(**template_snippets.VARIABLES)

    rows = [{"source": s, **outcome(lambda: render(s))} for s in template_snippets.SNIPPETS]
    rows = [row for row in rows if " at 0x" not in row.get("output", "")]  # addresses differ from run to run
    return {"variables": template_snippets.VARIABLES, "snippets": rows}


def render_chat(source, tokens, case):
    messages = oracle._normalize_chat_messages(case["messages"])
    extra = dict(case.get("extra", {}))
    extra = {"bos_token": tokens.get("bos_token", ""), "eos_token": tokens.get("eos_token", ""), **extra}
    rendered, _ = oracle.render_jinja_template(
        [messages],
        tools=case.get("tools"),
        documents=extra.pop("documents", None),
        chat_template=source,
        add_generation_prompt=case.get("add_generation_prompt", True),
        **extra,
    )
    return rendered[0]


def chats(cases, files):
    result = {}
    for file in map(pathlib.Path, files):
        source = file.read_text(encoding="utf-8")
        beside = file.with_suffix(".json")
        tokens = json.loads(beside.read_text()) if beside.exists() else {"bos_token": "<s>", "eos_token": "</s>"}
        outcomes = {c["name"]: outcome(lambda: render_chat(source, tokens, c)) for c in cases}
        for row in outcomes.values():  # the words of Python's own errors are not for us to match
            if row.get("error") == "runtime":
                del row["message"]
        result[file.name] = {**tokens, "outcomes": outcomes}
    return result


def main(arguments):
    if len(arguments) >= 2 and arguments[0] == "snippets":
        result, out = snippets(), arguments[1]
    elif len(arguments) >= 4 and arguments[0] == "chats":
        cases = json.loads(pathlib.Path(arguments[1]).read_text(encoding="utf-8"))
        result, out = chats(cases, arguments[3:]), arguments[2]
    else:
        sys.exit(__doc__)
    text = json.dumps(result, ensure_ascii=False, indent=1)
    pathlib.Path(out).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
