"""Several models under a memory budget that holds the largest alone."""
import asyncio
import json
import random

from .. import load, proc, work
from ..client import Ask
from ..servers import Needs, Server
from .common import Figure, Goal, ratio

NAME = "models"
TITLE = "four models under the largest one's need with 4,096 tokens + 10 %"
PEER = False
CONTEXT, OUTPUT = 4096, 32
FIGURES = {"budget": Figure("budget", "bytes"), "peak": Figure("most resident memory", "bytes"),
           "of_budget": Figure("most resident, of the budget", "×"), "failed": Figure("failed requests", "count"),
           "served": Figure("answered requests", "count"),
           "slowest": Figure("slowest first token, loads included", "ms")}


def wanted(options):
    return None if len(options.models) >= 2 else "several --models FILE are needed"


def needs(options):
    return Needs(4, CONTEXT)


async def watch(pid, peak):
    while True:
        peak[0] = max(peak[0], proc.resident(pid))
        await asyncio.sleep(0.02)


async def need_of(server, bench, model):
    """Resident memory of one model once a request has filled its context, bytes."""
    one = type(server.kind)(server.name, server.kind.binary, server.kind.flags)
    async with Server(one, [model], server.threads, server.needs, bench.fields) as alone:
        source = bench.source()
        record = await alone.client.ask(Ask(await source.prompt(CONTEXT - 256), 128))
        if not record.ok:
            raise RuntimeError(f"{model} alone: {record.error}")
        return proc.status_bytes(alone.pid, "VmHWM")


async def names_of(server):
    """One name per model, in the order of the list."""
    _, body = await server.client.get("/models")
    return [entry["id"] for entry in json.loads(body)["data"]]


async def measure(server, bench):
    models = bench.options.models
    largest = max(models, key=lambda path: path.stat().st_size)
    budget = int(1.1 * await need_of(server, bench, largest))
    flags = [part.format(bytes=budget) for part in bench.options.budget_flags.split()]
    kind = type(server.kind)(server.name, server.kind.binary, [*server.kind.flags, *flags])
    async with Server(kind, models, server.threads, server.needs, bench.fields) as many:
        stems = [path.stem for path in models]
        missing = set(stems) - set(await names_of(many))
        if missing:
            raise RuntimeError(f"not in /v1/models: {sorted(missing)}")
        dice = random.Random(bench.seed)
        order = [stem for _ in range(max(2, bench.scaled(6))) for stem in dice.sample(stems, len(stems))]
        source = bench.source()
        items = [work.Prompt(Ask(source.lead() + source.words(dice.randint(32, 512)), OUTPUT, model=stem))
                 for stem in order]
        peak = [0]
        watcher = asyncio.create_task(watch(many.pid, peak))
        run = await load.closed_loop(many.client, items, 2)
        watcher.cancel()
    failed = sum(not record.ok for record in run.records)
    return {"budget": budget, "peak": peak[0], "of_budget": ratio(peak[0], budget), "failed": failed,
            "served": len(run.records) - failed,
            "slowest": 1000 * max((r.ttft for r in run.records if r.ttft is not None), default=0)}


def goals(values, bench):
    ours = values.get(bench.ours, {})
    return [Goal("failed requests", ours.get("failed"), "<=", 0),
            Goal("most resident memory, of the budget", ours.get("of_budget"), "<=", 1)]
