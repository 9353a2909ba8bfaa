"""First words of a streamed answer against the whole answer."""
import dataclasses

from .. import load, work
from ..servers import Needs
from .common import Figure, Goal, check, median, ratio

NAME = "streaming"
TITLE = "one client, 64-token prompts, 200 tokens out: streamed against whole"
PROMPT, OUTPUT = 64, 200
FIGURES = {"first_words": Figure("first two words of a streamed answer", "ms"),
           "whole": Figure("whole answer", "ms"), "share": Figure("first words / whole", "share"),
           "streamed_e2e": Figure("streamed answer to its end", "ms")}


def needs(options):
    return Needs(1, 512)


def first_words(record, count=2):
    """Seconds until so many words were there: each ends where the next space begins."""
    text = ""
    for time, piece in record.outputs:
        text += piece
        if len((text + "|").split()) > count:
            return time - record.start
    return record.e2e


async def measure(server, bench):
    source = bench.source()
    mix = work.Mix.single(work.Shape((PROMPT, PROMPT), (OUTPUT, OUTPUT)))
    items = await work.prompts(mix, source, 2 * max(1, bench.scaled(4)), bench.seed)
    for item in items[1::2]:
        item.ask = dataclasses.replace(item.ask, stream=False)
    run = await load.closed_loop(server.client, items, 1)
    check(run, OUTPUT)
    figures = {"first_words": 1000 * median([first_words(r) for r in run.records if r.streamed]),
               "whole": 1000 * median([r.e2e for r in run.records if not r.streamed]),
               "streamed_e2e": 1000 * median([r.e2e for r in run.records if r.streamed])}
    figures["share"] = ratio(figures["first_words"], figures["whole"])
    return figures


def goals(values, bench):
    return [Goal("first words, of the whole answer's time", values.get(bench.ours, {}).get("share"), "<=", .1)]
