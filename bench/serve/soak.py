#!/usr/bin/env python3
"""Ten minutes of clients that leave, cancel, send too much, send nonsense and use wrong keys, on a server with little
KV; every answer must be the one the request gets alone, or a proper error, and nothing may be left behind.

    bench/serve/soak.py --pingti build/release/src/cli/pingti --model FILE.gguf --seconds 600

Exit status 1 if an answer was wrong, a request hung, or something leaked.
"""
import argparse
import json
import pathlib
import secrets
import shlex
import sys

from servebench.client import Client
from servebench.servers import Needs, Pingti, Server, run_program
from servebench.soak.run import soak
from servebench.table import table

KEY, ADMIN_KEY = "soak-key", "soak-admin-key"


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--pingti", required=True, type=pathlib.Path, help="the program")
    add("--model", required=True, nargs="+", type=pathlib.Path, help="GGUF files; the first is asked")
    add("--seconds", type=float, default=600)
    add("--clients", type=int, default=12)
    add("--ctx", type=int, default=512, help="the server's context")
    add("--flags", default="--max-sequences 4 --max-queue 6",
        help="flags of the server; KV is ctx x max-sequences, and must be too little for the clients")
    add("--threads", type=int, default=2)
    add("--questions", type=int, default=32, help="different requests whose answers are known")
    add("--patience", type=float, default=120, help="seconds after which a request counts as hung")
    add("--growth", type=int, default=16, help="MiB that resident memory may grow in the second half")
    add("--admin-flags", default="", help="flags that set the admin key, with {key}")
    add("--load-request", default="", metavar="'PATH BODY'", help="POST that loads another model")
    add("--unload-request", default="", metavar="'PATH BODY'", help="POST that unloads it")
    add("--seed", type=int)
    add("--json", type=pathlib.Path)
    options = parser.parse_args(argv)
    options.seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    return options


async def main(options):
    flags = [*shlex.split(options.flags), "--api-key", KEY, *shlex.split(options.admin_flags.format(key=ADMIN_KEY))]
    kind = Pingti("pingti", options.pingti, flags)
    async with Server(kind, options.model, options.threads, Needs(4, options.ctx), {"ignore_eos": True}, KEY) as server:
        print(f"{shlex.join(server.command)}\nseed {options.seed}", flush=True)
        address = server.client.address
        admin = Client(f"http://{address.host}:{address.port}", key=ADMIN_KEY)
        before, after, findings, leaked = await soak(server, admin, options)
        status = server.stop()
    outcomes = [[action, sum(counts.values()), ", ".join(f"{name} {n}" for name, n in counts.most_common())]
                for action, counts in sorted(findings.outcomes.items())]
    print(table(["action", "times", "outcomes"], outcomes), "\n")
    print(table(["", "before", "after"], [[name, before[name], after[name]] for name in before]), "\n")
    if status != 0:
        leaked.append(f"the server ended with status {status}")
    for line in findings.wrong[:50]:
        print("WRONG", line)
    for line in leaked:
        print("LEFT", line)
    print(f"{sum(row[1] for row in outcomes)} requests, {len(findings.wrong)} wrong, {len(leaked)} left behind")
    if options.json:
        options.json.write_text(json.dumps({
            "command": server.command, "seed": options.seed, "before": before, "after": after, "leaked": leaked,
            "wrong": findings.wrong, "outcomes": findings.outcomes, "memory": findings.memory}, indent=1))
    return 1 if findings.wrong or leaked else 0


if __name__ == "__main__":
    sys.exit(run_program(main(arguments(sys.argv[1:]))))
