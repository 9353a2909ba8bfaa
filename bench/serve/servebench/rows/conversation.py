"""Turns of a conversation, with the KV of earlier turns and without."""
from .. import load, work
from ..client import Ask
from ..servers import Needs
from .common import Figure, Goal, check, median, ratio

NAME = "conversation"
TITLE = "conversation of 8 turns, 64 tokens in and 128 out each"
TURNS, INPUT, OUTPUT = 8, 64, 128
FIGURES = {"later": Figure("TTFT p50 of turns 2–8", "ms"), "fresh": Figure("the same without reuse", "ms"),
           "ratio": Figure("without / with reuse", "×"), "hits": Figure("hit rate of turns 2–8", "share"),
           "restarted": Figure("TTFT of turn 8 after a restart", "ms"),
           "restart_ratio": Figure("turn 8 without reuse / after a restart", "×"),
           "restart_hits": Figure("hit rate after the restart", "share")}


def needs(options):
    return Needs(1, 2048)


async def talk(server, texts, leads, fields):
    """Records of a conversation's turns, in order, and the last turn's Ask."""
    conversation = work.Conversation(texts, OUTPUT, leads=leads, fields=fields)
    run = await load.closed_loop(server.client, [conversation], 1)
    check(run, OUTPUT)
    messages = []
    for text, record in zip(texts, run.records):
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": record.text}]
    system = {"role": "system", "content": leads[0]}
    return run.records, Ask([system, *messages[:-1]], OUTPUT, turn=TURNS - 1, phase="warm", fields=fields)


async def measure(server, bench):
    source = bench.source()
    texts = [source.lead() + source.words(INPUT - 1) for _ in range(TURNS)]
    # A system message of this run's own words first: nothing of it, or of a template's head, is cached already.
    leads = [source.lead() + source.words(7) for _ in range(TURNS + 1)]
    fields = await bench.cache_key(server)
    fresh, _ = await talk(server, texts, leads[:TURNS], {})
    reused, last = await talk(server, texts, leads[TURNS:], fields)
    later = reused[1:]
    figures = {"later": 1000 * median([r.ttft for r in later]), "fresh": 1000 * median([r.ttft for r in fresh[1:]]),
               "hits": sum(r.cached_tokens for r in later) / sum(r.prompt_tokens for r in later)}
    figures["ratio"] = ratio(figures["fresh"], figures["later"])
    if server.name == bench.ours:
        await server.restart()
        await bench.warm_up(server)
        record = await server.client.ask(last)
        if not record.ok:
            raise RuntimeError(f"after the restart: {record.error}")
        figures |= {"restarted": 1000 * record.ttft, "restart_ratio": fresh[-1].ttft / record.ttft,
                    "restart_hits": record.cached_tokens / record.prompt_tokens}
    return figures


def goals(values, bench):
    ours = values.get(bench.ours, {})
    return [Goal("turns 2–8, without / with reuse", ours.get("ratio"), ">=", 5),
            Goal("turn 8, without reuse / after a restart", ours.get("restart_ratio"), ">=", 5)]
