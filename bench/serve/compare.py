#!/usr/bin/env python3
"""pingti and llama-server under the same loads on the same file, in interleaved rounds.

    bench/serve/compare.py --pingti build/release/src/cli/pingti --model FILE.gguf --peer llama-server=PATH --threads 2

For every row both servers run, and take turns; each round has prompts of its own, the same for all servers. Printed
are medians over the rounds, ratios, and whether the row's goal is met. --variant and --peer may be given several
times: a row's goal is judged against the best of the peers.
"""
import argparse
import json
import pathlib
import secrets
import shlex
import sys

from servebench.bench import Bench, medians
from servebench.rows import ROWS
from servebench.servers import LlamaServer, Pingti, run_program
from servebench.table import markdown, number


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--pingti", required=True, type=pathlib.Path, help="the program")
    add("--pingti-flags", default="", help="further flags of `serve`")
    add("--variant", action="append", default=[], metavar="NAME=FLAGS",
        help="pingti once more with other flags; lanes-off is the one the row mix looks for")
    add("--peer", action="append", default=[], metavar="NAME=PATH [FLAGS]",
        help="llama-server program, and flags that win over those the load asks for, such as --parallel 8")
    add("--peer-flags", default="-fa on --cache-ram 0", help="flags of every peer, beside those its load asks for")
    add("--model", required=True, type=pathlib.Path, help="GGUF file")
    add("--models", nargs="*", default=[], type=pathlib.Path, help="GGUF files of the row models")
    add("--budget-flags", default="--memory-budget {bytes}", help="how pingti is told its budget")
    add("--adapter", action="append", default=[], metavar="NAME=PATH", help="for the row adapters; three of them")
    add("--adapter-flags", default="--adapter {name}={path}", help="how pingti is told of an adapter")
    add("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    add("--rounds", type=int, default=3)
    add("--scale", type=float, default=1.0, help="of the usual number of requests; goals want 1")
    add("--threads", type=int, default=2)
    add("--temperature", type=float, default=1.0,
        help="default 1: answers that vary, as people's do; greedy ones of small models repeat themselves")
    add("--seed", type=int, default=None)
    add("--json", type=pathlib.Path, help="every round's figures and the servers' commands")
    options = parser.parse_args(argv)
    options.seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    return options


def make_kinds(options):
    flags = shlex.split(options.pingti_flags)
    kinds = [Pingti("pingti", options.pingti, flags)]
    for variant in options.variant:
        name, _, more = variant.partition("=")
        kinds.append(Pingti(name, options.pingti, flags + shlex.split(more)))
    for peer in options.peer:
        name, _, command = peer.partition("=")
        path, *more = shlex.split(command)
        kinds.append(LlamaServer(name, path, [*shlex.split(options.peer_flags), *more]))
    return kinds


def show(row, found, bench):
    """The row's tables as Markdown."""
    values = medians(found)
    names = [kind.name for kind in bench.kinds if kind.name in values]
    lines = [f"### {row.TITLE}", ""]
    rows = []
    for key, figure in row.FIGURES.items():
        cells = [values[name].get(key) for name in names]
        if any(cell is not None for cell in cells):
            ratios = [number(cells[0] / cell) if cell and cells[0] is not None else None for cell in cells[1:]]
            rows.append([f"{figure.title}, {figure.unit}", *cells, *ratios])
    lines.append(markdown(["", *names, *[f"{names[0]} / {name}" for name in names[1:]]] if names else [""], rows))
    goals = row.goals(values, bench)
    verdict = {True: "met", False: "missed", None: "not measured"}
    judged = [[goal.text, f"{goal.sign} {number(goal.limit)}", goal.value, verdict[goal.met]] for goal in goals]
    lines += ["", markdown(["goal", "wanted", "found", ""], judged), ""]
    return "\n".join(lines), goals


async def main(options):
    kinds = make_kinds(options)
    fields = {"temperature": options.temperature, "seed": options.seed & 0x7FFFFFFF, "ignore_eos": True}
    bench = Bench(options, kinds, fields)
    result = {"settings": {key: str(value) for key, value in vars(options).items()}, "rows": {}}
    for name in options.rows:
        row = ROWS[name]
        missing = row.wanted(options) if hasattr(row, "wanted") else None
        if missing:
            print(f"### {row.TITLE}\n\nnot measured: {missing}\n")
            continue
        found = await bench.measure(row)
        tables, goals = show(row, found, bench)
        print(tables, flush=True)
        result["rows"][name] = {"rounds": found, "goals": [[g.text, g.value, g.sign, g.limit, g.met] for g in goals]}
    print("Commands:\n")
    for name, command in bench.commands.items():
        print(f"    {name}: {shlex.join(command)}")
    if options.json:
        options.json.write_text(json.dumps({**result, "commands": bench.commands}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main(arguments(sys.argv[1:]))))
