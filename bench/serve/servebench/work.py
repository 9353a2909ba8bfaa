"""What is asked: prompts of one class or of a mix, shared prefixes, conversations.

A work item is an object with `async run(client)`, an async generator of Records: one for a prompt, one per turn for
a conversation.
"""
import dataclasses
import random
import re

from .client import Ask


@dataclasses.dataclass(frozen=True)
class Shape:
    """Token lengths of a request, each a range with both ends."""

    prompt: tuple
    output: tuple

    @staticmethod
    def parse(text):
        """"64/32" or "24-96/16-48": prompt and output tokens."""
        match = re.fullmatch(r"(\d+)(?:-(\d+))?/(\d+)(?:-(\d+))?", text)
        if not match:
            raise ValueError(f"{text!r} is not PROMPT/OUTPUT, such as 210/48 or 24-96/16-48")
        a, b, c, d = (int(group) if group else None for group in match.groups())
        return Shape((a, b or a), (c, d or c))


@dataclasses.dataclass(frozen=True)
class Mix:
    """Classes of requests and their weights. Dealt like cards: every sum-of-weights requests hold exactly the
    shares, in random order, so that short runs carry the same load as long ones."""

    shapes: dict   # label -> Shape
    weights: dict  # label -> int

    @staticmethod
    def parse(text):
        """"S=16:24-96/16-48,M=3:512/128,L=1:3072/128"."""
        shapes, weights = {}, {}
        for part in text.split(","):
            match = re.fullmatch(r"(\w+)=(\d+):(.+)", part.strip())
            if not match:
                raise ValueError(f"{part!r} is not CLASS=WEIGHT:PROMPT/OUTPUT")
            label, weight, shape = match.groups()
            shapes[label], weights[label] = Shape.parse(shape), int(weight)
        return Mix(shapes, weights)

    @staticmethod
    def single(shape):
        return Mix({"": shape}, {"": 1})

    def labels(self, seed):
        """Endless."""
        deal = random.Random(seed)
        while True:
            cards = [label for label, weight in self.weights.items() for _ in range(weight)]
            deal.shuffle(cards)
            yield from cards


@dataclasses.dataclass
class Prompt:
    ask: Ask

    async def run(self, client):
        yield await client.ask(self.ask)


@dataclasses.dataclass
class Conversation:
    """Turns of a chat: each sends all before it and one more message. With a fresh text per turn in `leads`, a system
    message that differs in every turn, nothing can be reused: the same work without a cache."""

    texts: list                 # the user's messages
    max_tokens: int
    label: str = ""
    fields: dict = dataclasses.field(default_factory=dict)
    leads: list | None = None

    async def run(self, client):
        messages = []
        for turn, text in enumerate(self.texts):
            messages.append({"role": "user", "content": text})
            lead = [{"role": "system", "content": self.leads[turn if len(self.leads) > 1 else 0]}] if self.leads else []
            record = await client.ask(Ask([*lead, *messages], self.max_tokens, self.label, turn=turn,
                                          phase="cold" if turn == 0 else "warm", fields=self.fields))
            yield record
            if not record.ok:
                return
            messages.append({"role": "assistant", "content": record.text})


async def prompts(mix, source, count, seed, chat=False, stream=True, prefix_tokens=0, prefixes=1, fields=None):
    """count Prompts. With prefix_tokens, each begins with one of so many shared prefixes, its own text after it;
    the lengths of the mix are then those of the text after the prefix."""
    dice = random.Random(f"lengths {seed}")
    shared = [await source.prompt(prefix_tokens) for _ in range(prefixes)] if prefix_tokens else []
    items = []
    labels = mix.labels(f"classes {seed}")
    for index in range(count):
        label = next(labels)
        shape = mix.shapes[label]
        tokens, output = dice.randint(*shape.prompt), dice.randint(*shape.output)
        text = shared[index % prefixes] + source.words(tokens) if shared else await source.prompt(tokens)
        prompt = [{"role": "user", "content": text}] if chat else text
        items.append(Prompt(Ask(prompt, output, label, stream=stream, fields=dict(fields or {}))))
    return items


async def conversations(count, turns, source, tokens, output, fields=None, key_field=None, seed=0):
    """count Conversations, the first message `tokens` long in all, the later ones of so many words."""
    items = []
    for index in range(count):
        texts = [await source.prompt(tokens)] + [(source.lead() + source.words(tokens - 1)) for _ in range(turns - 1)]
        own = dict(fields or {})
        if key_field:
            own[key_field] = f"bench-{seed}-{index}"
        items.append(Conversation(texts, output, fields=own))
    return items


def again(items):
    """The same prompts as warm ones."""
    return [Prompt(dataclasses.replace(item.ask, phase="warm")) for item in items]
