"""The soak itself: questions asked alone, then clients that misbehave, then a look at what is left."""
import asyncio
import collections
import random
import time

from .. import metrics, proc, text
from ..http import ProtocolError
from .actions import ACTIONS, BUSY, Context, Wrong, question

RUNNING = "pingti_requests_running"
WAITING = "pingti_requests_waiting"
KV_USAGE = "pingti_kv_cache_usage_ratio"
PREEMPTIONS = "pingti_preemptions_total"


class Findings:
    """What happened: action -> outcome -> count, what was wrong, and memory over time."""

    def __init__(self):
        self.outcomes = collections.defaultdict(collections.Counter)
        self.wrong = []
        self.memory = []  # (seconds, bytes)


async def ask_alone(client, source, options):
    """(questions, answers): half greedy, half drawn with a seed, from a few tokens to half of the context."""
    dice = random.Random(options.seed)
    questions = []
    for index in range(options.questions):
        tokens = round(min(4 * 1.25 ** dice.uniform(0, 24), options.ctx // 2))
        prompt = await source.prompt(max(4, tokens))
        questions.append(question(prompt, dice.randint(4, 48), None if index % 2 else index, f"q{index}"))
    answers = []
    for make in questions:
        record = await client.ask(make(stream=False))
        if not record.ok:
            raise RuntimeError(f"a question asked alone: {record.error}")
        answers.append(record.text)
    return questions, answers


async def misbehave(context, findings, end):
    weights = [weight for weight, _ in ACTIONS]
    while time.monotonic() < end:
        action = context.dice.choices([action for _, action in ACTIONS], weights)[0]
        try:
            async with asyncio.timeout(context.options.patience):
                outcome = await action(context)
        except Wrong as error:
            outcome = "wrong"
            findings.wrong.append(f"{action.__name__}: {error}")
        except TimeoutError:
            outcome = "hung"
            findings.wrong.append(f"{action.__name__}: no end after {context.options.patience} s")
        except (OSError, ProtocolError) as error:
            outcome = "broken"
            findings.wrong.append(f"{action.__name__}: {type(error).__name__}: {error}")
        findings.outcomes[action.__name__][outcome] += 1
        if outcome in map(str, BUSY):
            await asyncio.sleep(context.dice.uniform(0.05, 0.5))


async def watch_memory(pid, findings, start):
    while True:
        findings.memory.append((time.monotonic() - start, proc.resident(pid)))
        await asyncio.sleep(1)


async def settled(client, seconds=60):
    """The metrics once nothing runs or waits, or after so long."""
    end = time.monotonic() + seconds
    while True:
        values = await metrics.read(client)
        if not values.get(RUNNING) and not values.get(WAITING) or time.monotonic() > end:
            # A gauge may be a step behind the work it counts.
            await asyncio.sleep(1)
            return await metrics.read(client)
        await asyncio.sleep(0.1)


def state(pid, values):
    return {"descriptors": proc.descriptors(pid), "threads": proc.threads(pid), "resident": proc.resident(pid),
            "kv_usage": values.get(KV_USAGE), "running": values.get(RUNNING), "waiting": values.get(WAITING),
            "preemptions": values.get(PREEMPTIONS)}


def leaks(before, after, findings, options):
    """What is not as it was."""
    found = []
    for name in ("running", "waiting"):
        if after[name] != 0:
            found.append(f"{name}: {after[name]}")
    for name in ("descriptors", "threads", "kv_usage"):
        if after[name] is None or after[name] > before[name]:
            found.append(f"{name}: {after[name]}, before {before[name]}")
    half = findings.memory[len(findings.memory) // 2:]
    if half and half[-1][1] - half[0][1] > options.growth << 20:
        found.append(f"resident memory grew by {(half[-1][1] - half[0][1]) >> 20} MiB in the second half")
    return found


async def soak(server, admin, options):
    """(before, after, Findings, leaks)."""
    client = server.client
    source = text.WordText(await text.calibrate(text.usage_counter(client, chat=False)), options.seed)
    questions, truth = await ask_alone(client, source, options)
    before = state(server.pid, await settled(client))
    findings, start = Findings(), time.monotonic()
    watcher = asyncio.create_task(watch_memory(server.pid, findings, start))
    contexts = [Context(client, admin, random.Random(f"{options.seed} {index}"), questions, truth, options)
                for index in range(options.clients)]
    await asyncio.gather(*(misbehave(context, findings, start + options.seconds) for context in contexts))
    after_values = await settled(client)
    watcher.cancel()
    for index, make in enumerate(questions):
        record = await client.ask(make(stream=False))
        if record.text != truth[index]:
            findings.wrong.append(f"after the soak, question {index}: {record.error}, {record.text!r}")
    after = state(server.pid, after_values)
    return before, after, findings, leaks(before, after, findings, options)
