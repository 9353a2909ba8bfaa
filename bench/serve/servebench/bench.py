"""One comparison: rows measured on servers in interleaved rounds."""
import contextlib
import json
import sys

from . import text
from .client import Ask, first_model
from .rows.common import median
from .servers import LlamaServer, Server


class Bench:
    """What rows see: the options, the seed of the round, and the vocabulary, which servers of one file share.

    ours: the name of the server whose goals are judged; peers: the names it is judged against.
    """

    def __init__(self, options, kinds, fields):
        self.options, self.kinds, self.fields = options, kinds, fields
        self.ours = kinds[0].name
        self.peers = [kind.name for kind in kinds if isinstance(kind, LlamaServer)]
        self.vocabulary = None
        self.seed = None
        self.commands = {}

    def scaled(self, count):
        """A row's usual number of requests, for this run's --scale."""
        return round(count * self.options.scale)

    def source(self):
        """Texts of this round: the same for every server, others than in any other round."""
        return text.WordText(self.vocabulary, self.seed)

    async def warm_up(self, server):
        """Threads and pages touched; the vocabulary read from the first server."""
        if self.vocabulary is None:
            self.vocabulary = await text.calibrate(text.usage_counter(server.client, chat=False))
        record = await server.client.ask(Ask("warm up", 8))
        if not record.ok:
            raise RuntimeError(f"{server.name} does not answer: {record.error}")

    async def cache_key(self, server):
        """Fields that name a conversation, where the server takes them."""
        field = {"cache_key": f"bench-{self.seed}"}
        status, _ = await server.client.post("/completions", {"prompt": "key", "max_tokens": 1, **field})
        return field if status == 200 else {}

    async def measure(self, row):
        """server name -> figure key -> values of the rounds."""
        found = {}
        kinds = self.kinds if getattr(row, "PEER", True) else [k for k in self.kinds if k.name not in self.peers]
        async with contextlib.AsyncExitStack() as stack:
            servers = []
            for kind in kinds:
                server = Server(kind, [self.options.model], self.options.threads, row.needs(self.options), self.fields)
                await stack.enter_async_context(server)
                self.commands[f"{row.NAME}: {kind.name}"] = server.command
                server.client.model = await first_model(server.client)
                await self.warm_up(server)
                servers.append(server)
            for round_number in range(self.options.rounds):
                self.seed = f"{self.options.seed} {row.NAME} {round_number}"
                turn = round_number % len(servers)
                for server in servers[turn:] + servers[:turn]:
                    figures = await self.attempt(row, server)
                    print(f"{row.NAME} round {round_number + 1} {server.name}: {json.dumps(figures)}", file=sys.stderr,
                          flush=True)
                    for key, value in figures.items():
                        found.setdefault(server.name, {}).setdefault(key, []).append(value)
        return found

    async def attempt(self, row, server):
        try:
            return await row.measure(server, self)
        except RuntimeError as error:
            print(f"{row.NAME} {server.name}: {error}", file=sys.stderr)
            return {}


def medians(found):
    return {name: {key: median(values) for key, values in figures.items()} for name, figures in found.items()}
