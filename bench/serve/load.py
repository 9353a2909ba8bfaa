#!/usr/bin/env python3
"""Loads an OpenAI-compatible server and reports what its clients see.

    bench/serve/load.py --url http://127.0.0.1:8080/v1 --clients 16 --shape 210/48 --requests 64
    bench/serve/load.py --url … --rate 0.5 --mix S=16:24-96/16-48,M=3:512/128,L=1:3072/128 --goodput ttft:500 tpot:100
    bench/serve/load.py --url … --clients 2 --turns 8 --shape 64/64

Prompts differ from their first token on and are never sent twice, unless --prefix, --turns or --warm ask for it; the
seed is a new one each time unless given. Exit status 1 when a request failed.
"""
import argparse
import asyncio
import json
import pathlib
import secrets
import sys

from servebench import load, plot, stats, table, text, work
from servebench.client import Ask, Client, first_model


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--url", required=True, help="base URL, up to and with /v1")
    add("--model", help="default: the first the server lists")
    add("--key", help="API key")
    loop = parser.add_mutually_exclusive_group()
    loop.add_argument("--clients", type=int, default=1, help="closed loop of so many clients")
    loop.add_argument("--rate", type=float, help="open loop: arrivals per second, a Poisson process")
    add("--requests", type=int, default=32, help="requests, or conversations")
    add("--seconds", type=float, help="no new request after so long")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--shape", default="128/64", help="PROMPT/OUTPUT tokens, each a number or a range A-B")
    shape.add_argument("--mix", help="CLASS=WEIGHT:PROMPT/OUTPUT,…")
    add("--endpoint", choices=["completions", "chat"], default="completions")
    add("--prefix", type=int, default=0, help="tokens of a prefix that prompts share")
    add("--prefixes", type=int, default=1, help="number of different shared prefixes")
    add("--turns", type=int, default=1, help="chat conversations of so many turns; --shape is that of each turn")
    add("--key-field", help="body field that names the conversation, such as cache_key")
    add("--whole", action="store_true", help="answers whole instead of streamed")
    add("--warm", action="store_true", help="every prompt a second time after all were answered; reported apart")
    add("--text", type=pathlib.Path, help="text file to take passages from; default: random words")
    add("--seed", type=int, help="default: random, and printed")
    add("--temperature", type=float, default=0.0)
    add("--stop-early", action="store_true", help="let the model end its answers: no ignore_eos")
    add("--body", type=json.loads, default={}, help="further body fields, JSON")
    add("--warmup", type=int, default=1, help="requests before the timing")
    add("--goodput", nargs="+", default=[], metavar="NAME:MS", help="limits on ttft, tpot, e2e")
    add("--timeout", type=float, default=600, help="seconds a request may take")
    add("--json", type=pathlib.Path, help="report with every request's times")
    add("--svg", type=pathlib.Path, help="plot")
    options = parser.parse_args(argv)
    options.load = options.mix or options.shape
    try:
        options.limits = stats.parse_limits(options.goodput)
        options.mix = work.Mix.parse(options.mix) if options.mix else work.Mix.single(work.Shape.parse(options.shape))
    except ValueError as error:
        parser.error(str(error))
    if options.turns > 1 and (options.prefix or options.warm or options.whole or len(options.mix.shapes) > 1):
        parser.error("--turns goes with --shape, not with --mix, --prefix, --warm or --whole")
    return options


async def make_items(options, client):
    chat = options.endpoint == "chat" or options.turns > 1
    count = text.usage_counter(client, chat)
    vocabulary = await text.calibrate(count)
    source = text.WordText(vocabulary, options.seed)
    if options.text:
        source = text.FileText(vocabulary, options.seed, options.text.read_text(), count)
    for _ in range(options.warmup):
        record = await client.ask(Ask(source.lead() + source.words(16), 4))
        if not record.ok:
            raise SystemExit(f"the server does not answer: {record.error}")
    if options.turns > 1:
        shape = options.mix.shapes[""]
        return await work.conversations(options.requests, options.turns, source, shape.prompt[0], shape.output[0],
                                        key_field=options.key_field, seed=options.seed)
    return await work.prompts(options.mix, source, options.requests, options.seed, chat, not options.whole,
                              options.prefix, options.prefixes)


async def main(options):
    options.seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    fields = {"temperature": options.temperature} | ({} if options.stop_early else {"ignore_eos": True}) | options.body
    client = Client(options.url, options.model, options.key, fields, options.timeout)
    client.model = client.model or await first_model(client)
    items = await make_items(options, client)
    run = load.Run()
    for batch in [items, work.again(items)] if options.warm else [items]:
        if options.rate:
            part = await load.open_loop(client, batch, options.rate, options.seed, options.seconds)
        else:
            part = await load.closed_loop(client, batch, options.clients, options.seconds)
        run.records += part.records
    report = stats.report(run, options.limits)
    print(f"{client.model} at {options.url}, seed {options.seed}, {report['all']['seconds']:.1f} s")
    print(table.summary_table(report))
    for error, number in report["all"]["errors"].items():
        print(f"error {error}: {number}")
    if options.json:
        origin = min(r.start for r in run.records)
        settings = {name: value for name, value in vars(options).items() if name not in ("key", "json", "svg", "limits", "mix")}
        options.json.write_text(json.dumps({"model": client.model, "settings": settings, "report": report, "requests":
                                            [r.as_dict(origin) for r in run.records]}, indent=1, default=str))
    if options.svg:
        names = sorted({r.label or r.phase for r in run.records})
        series = {n: load.Run([r for r in run.records if (r.label or r.phase) == n]) for n in names}
        options.svg.write_text(plot.picture(series))
    return 1 if report["all"]["errors"] or not run.records else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments(sys.argv[1:]))))
