#!/usr/bin/env python3
"""Speed of answers with and without speculation, and a check that they are the same.

    bench/speculation/measure.py --binary build/release/src/cli/pingti --model TARGET.gguf --draft-model SMALL.gguf

One server per mode, all started first; every prompt is asked of each in turn, greedy and sampled. Tokens per second
count from the first to the last token, as the client sees them; of several rounds the median is shown. Exit code 1
if a mode's answer differs from the one without speculation. Python 3.9, no packages.
"""
import argparse
import http.client
import json
import statistics
import subprocess
import sys
import time

from prompts import PROMPTS

SAMPLINGS = {'greedy': {'temperature': 0}, 'sampled': {'temperature': 0.8, 'top_p': 0.95, 'seed': 7}}


class Server:
    def __init__(self, binary, flags):
        self.process = subprocess.Popen([binary, 'serve', '--port', '0', *flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith('ready: '):
                address = line.split()[1]
                self.host = address.split('//')[1].split('/')[0]
                return
        raise SystemExit(f'the server did not start: {flags}')

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, timeout=600)
        connection.request(method, path, json.dumps(body) if body else None)
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(response.read().decode())
        return response

    def counters(self):
        text = self.request('GET', '/metrics').read().decode()
        wanted = {'drafted': 'pingti_speculation_drafted_tokens_total',
                  'accepted': 'pingti_speculation_accepted_tokens_total', 'steps': 'pingti_engine_steps_total'}
        values = {}
        for line in text.splitlines():
            for key, name in wanted.items():
                if line.startswith(name):
                    values[key] = float(line.split()[-1])
        return values

    def answer(self, prompt, tokens, sampling):
        before = self.counters()
        response = self.request('POST', '/v1/chat/completions', {
            'messages': [{'role': 'user', 'content': prompt}], 'max_tokens': tokens, 'stream': True,
            'stream_options': {'include_usage': True}, **sampling})
        text, times, count = '', [], 0
        for line in response:
            if not line.startswith(b'data: {'):
                continue
            chunk = json.loads(line[6:])
            for choice in chunk['choices']:
                if choice['delta'].get('content'):
                    text += choice['delta']['content']
                    times.append(time.perf_counter())
            if chunk.get('usage'):
                count = chunk['usage']['completion_tokens']
        after = self.counters()
        used = {key: after[key] - before[key] for key in after}
        return {'text': text, 'speed': (count - 1) / (times[-1] - times[0]), **used}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--binary', required=True)
    parser.add_argument('--model', required=True)
    parser.add_argument('--draft-model', help='measures the mode "draft" and "auto", too')
    parser.add_argument('--prompts', default=','.join(PROMPTS), help='comma-separated: %(default)s')
    parser.add_argument('--samplings', default=','.join(SAMPLINGS), help='comma-separated: %(default)s')
    parser.add_argument('--tokens', type=int, default=160)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--flags', default='--ctx 2048', help='further flags of serve')
    arguments = parser.parse_args()

    modes = {'off': ['--speculate', 'off'], 'ngram': ['--speculate', 'ngram']}
    if arguments.draft_model:
        for mode in ('draft', 'auto'):
            modes[mode] = ['--speculate', mode, '--draft-model', arguments.draft_model]
    servers = {mode: Server(arguments.binary, ['-m', arguments.model, *arguments.flags.split(), *flags])
               for mode, flags in modes.items()}
    wrong = False
    print(f'{"prompt":10}{"sampling":10}{"mode":8}{"tok/s":>8}{"ratio":>7}{"drafted":>9}{"accepted":>9}{"steps":>7}')
    try:
        for name in arguments.prompts.split(','):
            for sampling in arguments.samplings.split(','):
                rounds = [{mode: server.answer(PROMPTS[name], arguments.tokens, SAMPLINGS[sampling])
                           for mode, server in servers.items()} for _ in range(arguments.rounds)]
                speeds = {mode: statistics.median(r[mode]['speed'] for r in rounds) for mode in servers}
                for mode in servers:
                    last = rounds[-1][mode]
                    same = all(r[mode]['text'] == rounds[0]['off']['text'] for r in rounds)
                    wrong |= not same
                    print(f'{name:10}{sampling:10}{mode:8}{speeds[mode]:8.1f}{speeds[mode] / speeds["off"]:7.2f}'
                          f'{last["drafted"]:9.0f}{last["accepted"]:9.0f}{last["steps"]:7.0f}'
                          f'{"" if same else "  DIFFERENT TEXT"}', flush=True)
    finally:
        for server in servers.values():
            server.process.terminate()
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
