"""Three tuned variants of one model in one process against three processes."""
import asyncio
import contextlib
import dataclasses

from .. import load, proc, stats, work
from ..servers import Needs, Server
from .common import Figure, Goal, check, ratio

NAME = "adapters"
TITLE = "three adapters in one process against three processes"
PEER = False
PROMPT, OUTPUT = 64, 64
FIGURES = {"one_memory": Figure("one process, resident", "bytes"), "three_memory": Figure("three processes", "bytes"),
           "saved": Figure("memory saved", "share"), "one_speed": Figure("a variant in the one process", "tok/s"),
           "three_speed": Figure("a variant in its own process", "tok/s"),
           "slowest": Figure("slowest variant, of its own process's speed", "×")}


def wanted(options):
    return None if len(options.adapter) == 3 else "three --adapter NAME=PATH are needed"


def needs(options):
    return Needs(4, 2048)


def flags(options, adapters):
    return [part.format(name=name, path=path) for name, path in adapters for part in options.adapter_flags.split()]


async def speed(server, bench, model):
    """Output tokens per second of one client, and of nobody else."""
    source = bench.source()
    mix = work.Mix.single(work.Shape((PROMPT, PROMPT), (OUTPUT, OUTPUT)))
    items = await work.prompts(mix, source, max(2, bench.scaled(6)), bench.seed)
    for item in items:
        item.ask = dataclasses.replace(item.ask, model=model)
    run = await load.closed_loop(server.client, items, 1)
    check(run, OUTPUT)
    return stats.summarize(run.records, run.seconds)["output_tokens_per_second"]


async def measure(server, bench):
    """The server given is the plain one: it only says which program and threads to use."""
    adapters = [entry.split("=", 1) for entry in bench.options.adapter]
    async with contextlib.AsyncExitStack() as stack:
        async def start(some):
            kind = type(server.kind)(server.name, server.kind.binary, [*server.kind.flags, *flags(bench.options, some)])
            one = Server(kind, server.models, server.threads, server.needs, bench.fields)
            return await stack.enter_async_context(one)

        together = await start(adapters)
        alone = [await start([adapter]) for adapter in adapters]
        shared, own = [], []
        for (name, _), process in zip(adapters, alone):
            own.append(await speed(process, bench, name))
            shared.append(await speed(together, bench, name))
        await asyncio.sleep(0.5)
        # Pages of the model file that processes share count once: memory is what the machine must have.
        one, three = proc.proportional(together.pid), sum(proc.proportional(process.pid) for process in alone)
    return {"one_memory": one, "three_memory": three, "saved": 1 - one / three, "one_speed": sum(shared) / 3,
            "three_speed": sum(own) / 3, "slowest": min(ratio(a, b) for a, b in zip(shared, own))}


def goals(values, bench):
    ours = values.get(bench.ours, {})
    return [Goal("resident memory saved", ours.get("saved"), ">=", .6),
            Goal("each variant against its own process", ours.get("slowest"), ">=", .95)]
