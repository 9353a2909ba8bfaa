"""Answers held to a JSON Schema against free ones of the same length."""
import dataclasses

from .. import load, stats, work
from ..servers import Needs
from .common import Figure, Goal, check

NAME = "schema"
TITLE = "8 clients, 96-token prompts, 128 tokens out: JSON Schema on against off"
CLIENTS, PROMPT, OUTPUT = 8, 96, 128
FIGURES = {"on": Figure("schema on", "tok/s"), "off": Figure("schema off", "tok/s"), "ratio": Figure("on / off", "×"),
           "on_tpot": Figure("TPOT p50, on", "ms"), "off_tpot": Figure("TPOT p50, off", "ms")}
# More than OUTPUT tokens long, so that both kinds of answer end at the limit.
PERSON = {"type": "object", "properties": {"name": {"type": "string", "minLength": 4, "maxLength": 24},
                                           "age": {"type": "integer"},
                                           "role": {"enum": ["engineer", "teacher", "doctor", "pilot"]}},
          "required": ["name", "age", "role"], "additionalProperties": False}
SCHEMA = {"type": "array", "items": PERSON, "minItems": 40, "maxItems": 60}
FORMAT = {"type": "json_schema", "json_schema": {"name": "people", "strict": True, "schema": {
    "type": "object", "properties": {"people": SCHEMA}, "required": ["people"], "additionalProperties": False}}}


def needs(options):
    return Needs(CLIENTS, 512)


async def measure(server, bench):
    source = bench.source()
    mix = work.Mix.single(work.Shape((PROMPT, PROMPT), (OUTPUT, OUTPUT)))
    count = max(CLIENTS, bench.scaled(24))
    runs = {}
    for name in ("off", "on"):
        items = await work.prompts(mix, source, count, bench.seed, chat=True)
        for item in items if name == "on" else []:
            item.ask = dataclasses.replace(item.ask, fields={"response_format": FORMAT, "ignore_eos": False})
        runs[name] = await load.closed_loop(server.client, items, CLIENTS)
        check(runs[name])
    if any(not r.text.lstrip().startswith("{") for r in runs["on"].records):
        raise RuntimeError("an answer under the schema does not begin as JSON")
    on, off = (stats.summarize(runs[name].records, runs[name].seconds) for name in ("on", "off"))
    return {"on": on["output_tokens_per_second"], "off": off["output_tokens_per_second"],
            "ratio": on["output_tokens_per_second"] / off["output_tokens_per_second"],
            "on_tpot": on["tpot_ms"]["p50"], "off_tpot": off["tpot_ms"]["p50"]}


def goals(values, bench):
    return [Goal("tokens/s with the schema, of those without", values.get(bench.ours, {}).get("ratio"), ">=", .95)]
