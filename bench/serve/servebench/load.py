"""How it is asked: a closed loop of clients or an open loop of arrivals."""
import asyncio
import dataclasses
import random

from .http import now


@dataclasses.dataclass
class Run:
    """Records in the order of their ends, and the time from the first sending to the last end."""

    records: list = dataclasses.field(default_factory=list)

    @property
    def seconds(self):
        if not self.records:
            return 0.0
        return max(r.end for r in self.records) - min(r.start for r in self.records)


async def closed_loop(client, items, clients, seconds=None):
    """So many clients, each taking the next item once its last is answered, until the items or the time run out;
    what has been begun is finished."""
    run, queue = Run(), iter(items)
    end = now() + seconds if seconds else None

    async def one():
        for item in queue:
            async for record in item.run(client):
                run.records.append(record)
            if end is not None and now() >= end:
                return

    await asyncio.gather(*(one() for _ in range(clients)))
    return run


async def open_loop(client, items, rate, seed, seconds=None):
    """Items arrive as a Poisson process of `rate` per second, whether earlier ones are answered or not."""
    run, gaps = Run(), random.Random(f"arrivals {seed}")
    end = now() + seconds if seconds else None
    tasks, due = [], now()

    async def one(item):
        async for record in item.run(client):
            run.records.append(record)

    for item in items:
        if end is not None and due >= end:
            break
        await asyncio.sleep(max(0.0, due - now()))
        tasks.append(asyncio.create_task(one(item)))
        due += gaps.expovariate(rate)
    await asyncio.gather(*tasks)
    return run
