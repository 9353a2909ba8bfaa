"""Short requests beside long ones."""
from .. import load, stats, work
from ..servers import Needs
from .common import Figure, Goal, best, check, ratio

NAME = "mix"
TITLE = "8 clients, 80 % S (24–96 in, 16–48 out), 15 % M (512 in, 96 out), 5 % L (3072 in, 128 out)"
CLIENTS = 8
MIX = work.Mix.parse("S=16:24-96/16-48,M=3:512/96,L=1:3072/128")
FIGURES = {"s_p50": Figure("S TTFT p50", "ms"), "s_p95": Figure("S TTFT p95", "ms"),
           "s_p50_beside_l": Figure("S TTFT p50 while an L prefills", "ms"),
           "s_p95_beside_l": Figure("S TTFT p95 while an L prefills", "ms"), "m_e2e": Figure("M E2E p50", "ms"),
           "l_e2e": Figure("L E2E p50", "ms"), "out": Figure("output", "tok/s")}


def needs(options):
    return Needs(CLIENTS, 3328)


def beside_long_prefill(records):
    """The S requests that waited for their first token while an L request did."""
    prefills = [(r.start, r.outputs[0][0]) for r in records if r.label == "L" and r.outputs]
    return [r for r in records if r.label == "S" and r.outputs
            and any(begin < r.outputs[0][0] and r.start < end for begin, end in prefills)]


async def measure(server, bench):
    source = bench.source()
    items = await work.prompts(MIX, source, max(20, bench.scaled(40)), bench.seed)
    run = await load.closed_loop(server.client, items, CLIENTS)
    check(run)
    by = {label: [r for r in run.records if r.label == label] for label in MIX.shapes}
    short = stats.spread([r.ttft for r in by["S"]])
    beside = stats.spread([r.ttft for r in beside_long_prefill(run.records)])
    return {"s_p50": short["p50"], "s_p95": short["p95"], "s_p50_beside_l": beside and beside["p50"],
            "s_p95_beside_l": beside and beside["p95"],
            "m_e2e": stats.spread([r.e2e for r in by["M"]])["p50"],
            "l_e2e": stats.spread([r.e2e for r in by["L"]])["p50"],
            "out": stats.summarize(run.records, run.seconds)["output_tokens_per_second"]}


def goals(values, bench):
    ours, peer = values.get(bench.ours, {}), best(values, "s_p50_beside_l", bench.peers, larger=False)
    goals = [Goal("S TTFT p95 beside L prefills, of the peer's p50 beside them",
                  ratio(ours.get("s_p95_beside_l"), peer), "<=", .3)]
    if off := values.get("lanes-off"):
        goals += [Goal(f"{label} E2E against lanes off", ratio(ours.get(key), off.get(key)), "<=", 1.3)
                  for label, key in (("M", "m_e2e"), ("L", "l_e2e"))]
    return goals
