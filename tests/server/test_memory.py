"""What `pingti serve` holds in memory at its peak: at most 1.15 times the model file, the KV of the tokens it
computed, and 100 MB."""
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from test_real_model import BINARY, MODEL, Served

SANITIZERS = (b"__asan_init", b"__tsan_init")
pytestmark = [
    pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set"),
    pytest.mark.skipif(bool(BINARY) and any(name in pathlib.Path(BINARY).read_bytes() for name in SANITIZERS),
                       reason="a sanitizer's own memory counts"),
]
REQUESTS = 12


def peak_bytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def kv_bytes_per_token():
    done = subprocess.run([BINARY, "inspect", "--json", MODEL], capture_output=True, text=True, check=True)
    estimate = json.loads(done.stdout)["memory_estimate"]
    return estimate["kv_cache_bytes"] / estimate["context"]


def test_peak_memory_while_serving(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # a first start, which measures the machine
    served = Served()
    try:
        client = served.client()
        model = client.models.list().data[0].id

        def ask(number):
            answer = client.completions.create(model=model, prompt=f"{number} " + "word " * 500, max_tokens=24, n=1 + number % 2,
                                               temperature=0.8, logprobs=5, extra_body={"ignore_eos": True})
            return answer.usage.total_tokens
        with concurrent.futures.ThreadPoolExecutor(REQUESTS) as pool:
            tokens = sum(pool.map(ask, range(REQUESTS)))
        assert tokens > REQUESTS * 500
        most = 1.15 * os.path.getsize(MODEL) + tokens * kv_bytes_per_token() + 100e6
        peak = peak_bytes(served.process)
        assert peak <= most, f"{peak / 1e6:.0f} MB, at most {most / 1e6:.0f} expected"
        # Without the KV, which the number of tokens bounds only from above when prefixes are shared.
        assert peak > 0.5 * os.path.getsize(MODEL)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0
    finally:
        served.stop()
