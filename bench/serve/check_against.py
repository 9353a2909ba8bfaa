#!/usr/bin/env python3
"""The same load by this load generator and by AIPerf, in turns on one server; prints both tools' figures.

    python3 -m venv VENV && VENV/bin/pip install -r bench/serve/requirements.txt
    bench/serve/check_against.py --aiperf VENV/bin/aiperf --pingti build/release/src/cli/pingti --model FILE.gguf
    bench/serve/check_against.py --aiperf VENV/bin/aiperf --url http://127.0.0.1:8080/v1

Each tool gets fresh prompts of the same lengths in every round, so that neither finds the other's in the cache, and
the two take turns in going first. The server has one thread by default, so that clients do not take its CPU; where
they do all the same, or the machine is not quiet, the server's own means under each tool differ as much, and are
printed below with what each tool read of them. Exit status 1 if a figure's medians differ by more than --tolerance.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from servebench import load, metrics, stats, text, work
from servebench.client import Client, first_model
from servebench.rows.common import check
from servebench.servers import Needs, Pingti, Server, run_program
from servebench.table import table

# Title -> (ours: summary key and quantile, AIPerf's metric and quantile)
FIGURES = {"requests/s": (("requests_per_second", None), ("request_throughput", "avg")),
           "output tok/s": (("output_tokens_per_second", None), ("output_token_throughput", "avg")),
           "input tok/s": (("input_tokens_per_second", None), ("input_token_throughput", "avg")),
           "TTFT mean, ms": (("ttft_ms", "mean"), ("time_to_first_token", "avg")),
           "TTFT p50, ms": (("ttft_ms", "p50"), ("time_to_first_token", "p50")),
           "TPOT mean, ms": (("tpot_ms", "mean"), ("inter_token_latency", "avg")),
           "TPOT p50, ms": (("tpot_ms", "p50"), ("inter_token_latency", "p50")),
           "E2E mean, ms": (("e2e_ms", "mean"), ("request_latency", "avg")),
           "E2E p50, ms": (("e2e_ms", "p50"), ("request_latency", "p50"))}
SERVER = {"TTFT mean, ms": "pingti_time_to_first_token_seconds", "E2E mean, ms": "pingti_e2e_request_latency_seconds"}


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--aiperf", required=True, type=pathlib.Path)
    add("--url", help="a running server, instead of --pingti and --model")
    add("--pingti", type=pathlib.Path)
    add("--model", type=pathlib.Path)
    add("--threads", type=int, default=1)
    add("--clients", type=int, default=4)
    add("--requests", type=int, default=32)
    add("--shape", default="160-260/24-72",
        help="lengths that vary: equal ones keep the clients in step, in one of several patterns with a TTFT of its own")
    add("--rounds", type=int, default=3)
    add("--tolerance", type=float, default=0.05)
    options = parser.parse_args(argv)
    if not options.url and not (options.pingti and options.model):
        parser.error("--url, or --pingti and --model")
    return options


async def ours(client, items, options):
    run = await load.closed_loop(client, items, options.clients)
    check(run)
    return stats.summarize(run.records, run.seconds)


# A word-level vocabulary: AIPerf wants a tokenizer even where it takes the server's counts.
TOKENIZER = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"},
             "model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"}}
TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "eos_token": "<unk>"}


def aiperf(client, items, options):
    """AIPerf's figures for the very bodies that our client would send."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bodies = [json.dumps(client.body(item.ask)) for item in items]
        (folder / "bodies.jsonl").write_text("\n".join(bodies) + "\n")
        (folder / "tokenizer").mkdir()
        (folder / "tokenizer/tokenizer.json").write_text(json.dumps(TOKENIZER))
        (folder / "tokenizer/tokenizer_config.json").write_text(json.dumps(TOKENIZER_CONFIG))
        address = client.address
        command = [options.aiperf, "profile", "--model", client.model, "--url",
                   f"http://{address.host}:{address.port}", "--endpoint-type", "chat", "--streaming",
                   "--custom-dataset-type", "raw-payload", "--input-file", folder / "bodies.jsonl",
                   "--dataset-sampling-strategy", "sequential", "--tokenizer", folder / "tokenizer",
                   "--use-server-token-count", "--concurrency", options.clients, "--request-count", len(items),
                   "--workers-max", 1, "--record-processors", 1, "--output-artifact-dir", folder / "out",
                   "--ui-type", "none", "--no-server-metrics", "--no-gpu-telemetry"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"AIPerf failed:\n{(done.stdout + done.stderr)[-3000:]}")
        figures = json.loads((folder / "out/profile_export_aiperf.json").read_text())
    if figures["request_count"]["avg"] != len(items):
        raise RuntimeError(f"AIPerf completed {figures['request_count']['avg']} of {len(items)} requests")
    return figures


async def vocabulary(client):
    """The server's own words of one token; any words where it has too few, for here lengths need only be alike."""
    try:
        return await text.calibrate(text.usage_counter(client, chat=True))
    except RuntimeError:
        return text.Vocabulary(text.WORDS[:48], text.WORDS, 0)


async def measure(client, options):
    """Title -> (our values, AIPerf's), and the same of the server's own figures."""
    client.model = await first_model(client)
    source = text.WordText(await vocabulary(client), "check")
    mix = work.Mix.single(work.Shape.parse(options.shape))
    found = {title: ([], []) for title in FIGURES}
    inside = {title: ([], []) for title in SERVER}
    for index in range(options.rounds):
        results = {}
        for tool in (0, 1) if index % 2 == 0 else (1, 0):
            fresh = await work.prompts(mix, source, options.requests, str(index), chat=True)
            before = await metrics.read(client)
            results[tool] = aiperf(client, fresh, options) if tool else await ours(client, fresh, options)
            after = await metrics.read(client)
            for title, name in SERVER.items():
                change = [after.get(name + end, 0) - before.get(name + end, 0) for end in ("_sum", "_count")]
                inside[title][tool].append(1000 * change[0] / change[1] if change[1] else None)
        for title, ((key, quantile), (metric, part)) in FIGURES.items():
            found[title][0].append(results[0][key][quantile] if quantile else results[0][key])
            found[title][1].append(results[1][metric][part])
    return found, inside


async def main(options):
    fields = {"temperature": 0, "ignore_eos": True}
    if options.url:
        found, inside = await measure(Client(options.url, fields=fields), options)
    else:
        shape = work.Shape.parse(options.shape)
        needs = Needs(options.clients, shape.prompt[1] + shape.output[1] + 64)
        # Speculation would make the speed depend on what each tool's prompts happen to repeat.
        kind = Pingti("pingti", options.pingti, ["--speculate", "off"])
        async with Server(kind, [options.model], options.threads, needs, fields) as server:
            found, inside = await measure(server.client, options)
    rows, worst = [], 0.0
    for title, values in found.items():
        one, other = map(statistics.median, values)
        rows.append([title, one, other, f"{100 * (one / other - 1):+.1f} %"])
        worst = max(worst, abs(one / other - 1))
    for title, values in inside.items():
        if None not in values[0] + values[1]:
            one, other = map(statistics.median, values)
            rows.append([f"the server's own {title}", one, other, f"{100 * (one / other - 1):+.1f} %"])
            read = [statistics.median(tool) / own for tool, own in zip(found[title], (one, other))]
            rows.append(["  client / server", *(f"{100 * (value - 1):+.1f} %" for value in read), None])
    print(table(["", "bench/serve", "AIPerf", "difference"], rows))
    print(f"{options.clients} clients, {options.shape} tokens, {options.requests} requests, medians of "
          f"{options.rounds} rounds; largest difference {100 * worst:.1f} %")
    return 1 if worst > options.tolerance else 0


if __name__ == "__main__":
    sys.exit(run_program(main(arguments(sys.argv[1:]))))
