"""Requests computed together against one after the other."""
import json
import subprocess

from .. import load, stats, work
from ..servers import Needs, Pingti
from .common import Figure, Goal, check, ratio

NAME = "batching"
TITLE = "16 clients against one, 32-token prompts, 256 tokens out"
CLIENTS, PROMPT, OUTPUT = 16, 32, 256
FIGURES = {"together": Figure("16 clients, in and out", "tok/s"), "alone": Figure("one client, in and out", "tok/s"),
           "gain": Figure("together / alone", "×"), "decode": Figure("one client, decode (1 / TPOT)", "tok/s"),
           "bench": Figure("pingti bench, decode", "tok/s"), "bench_ratio": Figure("one client / pingti bench", "×")}


def needs(options):
    return Needs(CLIENTS, 512)


def bench_decode(server):
    """Decode speed of `pingti bench` on the same file, at the depth of the prompt."""
    command = [server.kind.binary, "bench", "-m", str(server.models[0]), "-t", str(server.threads), "-p", "0", "-n",
               str(OUTPUT), "-d", str(PROMPT), "-r", "1", "--json"]
    tests = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=500).stdout)
    return next(test["avg_ts"] for test in tests if test["n_gen"])


async def measure(server, bench):
    source = bench.source()
    mix = work.Mix.single(work.Shape((PROMPT, PROMPT), (OUTPUT, OUTPUT)))
    items = await work.prompts(mix, source, CLIENTS + max(1, bench.scaled(3)), bench.seed)
    single = await load.closed_loop(server.client, items[CLIENTS:], 1)
    check(single, OUTPUT)
    together = await load.closed_loop(server.client, items[:CLIENTS], CLIENTS)
    check(together, OUTPUT)
    one, many = (stats.summarize(run.records, run.seconds) for run in (single, together))
    figures = {"together": many["total_tokens_per_second"], "alone": one["total_tokens_per_second"],
               "decode": 1000 / one["tpot_ms"]["p50"]}
    figures["gain"] = ratio(figures["together"], figures["alone"])
    if isinstance(server.kind, Pingti):
        figures["bench"] = bench_decode(server)
        figures["bench_ratio"] = ratio(figures["decode"], figures["bench"])
    return figures


def goals(values, bench):
    ours = values.get(bench.ours, {})
    return [Goal("16 clients against one, total tokens/s", ours.get("gain"), ">=", 5),
            Goal("one client against pingti bench", ours.get("bench_ratio"), ">=", .97)]
