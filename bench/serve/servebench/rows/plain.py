"""Many clients with middling prompts."""
from .. import load, stats, work
from ..servers import Needs
from .common import Figure, Goal, best, check, ratio

NAME = "clients16"
TITLE = "16 clients, 210-token prompts, 48 tokens out"
CLIENTS, PROMPT, OUTPUT = 16, 210, 48
FIGURES = {"out": Figure("output", "tok/s"), "ttft_p50": Figure("TTFT p50", "ms"), "ttft_p95": Figure("TTFT p95", "ms"),
           "e2e_p50": Figure("E2E p50", "ms"), "hits": Figure("prompt tokens from cache", "share")}


def needs(options):
    return Needs(CLIENTS, 512)


async def measure(server, bench):
    source = bench.source()
    mix = work.Mix.single(work.Shape((PROMPT, PROMPT), (OUTPUT, OUTPUT)))
    items = await work.prompts(mix, source, max(CLIENTS, bench.scaled(48)), bench.seed)
    run = await load.closed_loop(server.client, items, CLIENTS)
    check(run, OUTPUT)
    total = stats.summarize(run.records, run.seconds)
    return {"out": total["output_tokens_per_second"], "ttft_p50": total["ttft_ms"]["p50"],
            "ttft_p95": total["ttft_ms"]["p95"], "e2e_p50": total["e2e_ms"]["p50"], "hits": total["hit_rate"]}


def goals(values, bench):
    ours = values.get(bench.ours, {})
    return [Goal("output against the peer", ratio(ours.get("out"), best(values, "out", bench.peers)), ">=", 2.5),
            Goal("TTFT p50 against the peer",
                 ratio(ours.get("ttft_p50"), best(values, "ttft_p50", bench.peers, larger=False)), "<=", 1 / 3)]
