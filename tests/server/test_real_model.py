"""`pingti serve` with a real model: PINGTI_BINARY and PINGTI_TEST_MODEL (a chat model in GGUF) say which."""
import concurrent.futures
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import time

import openai
import pytest

from helpers import metric, request, say, wait_for

BINARY = os.environ.get("PINGTI_BINARY")
MODEL = os.environ.get("PINGTI_TEST_MODEL")
pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set")


class Served:
    def __init__(self, *args, closed_stderr=False):
        self.run(["-m", MODEL, "--ctx", "1024", *args], closed_stderr)

    def run(self, args, closed_stderr=False):
        command = [BINARY, "serve", "--port", "0", *args]
        if closed_stderr:
            command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        while not self.lines or not self.lines[-1].startswith("ready"):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(self.process.stderr.read())
            self.lines.append(line)
        self.port = int(re.search(r":(\d+)", self.lines[0])[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def client(self):
        return openai.OpenAI(base_url=self.url + "/v1", api_key="none", max_retries=0, timeout=120)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class ServedFile(Served):
    """With the models of a configuration file."""

    def __init__(self, config, *args):
        self.run(["--config", str(config), *args])


@pytest.fixture(scope="module")
def real():
    served = Served()
    yield served
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0


@pytest.fixture(scope="module")
def model(real):
    return real.client().models.list().data[0].id


def test_start_tells_what_runs(real, model):
    text = "".join(real.lines)
    assert "context 1024" in text and "thread" in text and model in text and "loaded in" in text
    assert model == pathlib.Path(MODEL).stem


def test_embeddings(real, model):
    client = real.client()
    texts = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose by half a percent."]

    def embed(given, **fields):
        return [item.embedding for item in client.embeddings.create(model=model, input=given, **fields).data]
    alone = [embed(text)[0] for text in texts]
    for vector in alone:
        assert math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-5)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(client.completions.create, model=model, prompt="One two", max_tokens=30) for _ in range(2)]
        together = list(pool.map(embed, [texts] * 3))
        assert all(vectors == alone for vectors in together)
        assert all(job.result().usage.completion_tokens for job in busy)

    def similar(a, b):
        return sum(x * y for x, y in zip(alone[a], alone[b]))
    assert similar(0, 1) > similar(0, 2)
    assert embed(texts[0], extra_body={"pooling": "last"})[0] != alone[0]


def test_chat(real, model):
    def ask(**fields):
        return real.client().chat.completions.create(model=model, messages=say("Name the capital of France."),
                                                     max_tokens=24, temperature=0, **fields)
    whole = ask(logprobs=True, top_logprobs=2)
    text = whole.choices[0].message.content
    assert "Paris" in text
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    tokens = whole.choices[0].logprobs.content
    assert b"".join(bytes(t.bytes) for t in tokens).decode().startswith(text)
    for token in tokens:
        assert token.logprob <= 0
        assert math.isclose(token.logprob, token.top_logprobs[0].logprob, abs_tol=1e-5)


def test_seed_and_choices(real, model):
    def ask(**fields):
        answer = real.client().chat.completions.create(model=model, messages=say("Write one line about the sea."),
                                                       max_tokens=24, temperature=1, **fields)
        return [c.message.content for c in answer.choices]
    three = ask(seed=5, n=3)
    assert len(set(three)) == 3
    assert ask(seed=5, n=3) == three
    assert ask(seed=5)[0] == three[0]
    assert ask(seed=6)[0] != three[0]


def test_stop_string(real, model):
    answer = real.client().completions.create(model=model, prompt="1, 2, 3, 4,", max_tokens=40, temperature=0, stop="7")
    assert "7" not in answer.choices[0].text and answer.choices[0].finish_reason == "stop"


def test_same_answer_alone_and_in_a_crowd(real, model):
    prompts = [f"Question {i}: what is {i} plus {i}? Answer:" for i in range(12)]

    def ask(prompt):
        return real.client().completions.create(model=model, prompt=prompt, max_tokens=16, temperature=0.8, seed=3,
                                                logprobs=0).choices[0]
    alone = [ask(p) for p in prompts]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        crowd = list(pool.map(ask, prompts))
    assert [c.text for c in crowd] == [c.text for c in alone]
    assert [c.logprobs.token_logprobs for c in crowd] == [c.logprobs.token_logprobs for c in alone]


def test_echo_scores_the_prompt(real, model):
    answer = real.client().completions.create(model=model, prompt="The quick brown fox", echo=True, logprobs=1, max_tokens=0)
    choice = answer.choices[0]
    assert choice.text == "The quick brown fox"
    assert choice.logprobs.token_logprobs[0] is None
    assert all(p <= 0 for p in choice.logprobs.token_logprobs[1:])
    assert answer.usage.completion_tokens == 0


def test_a_repeated_prompt_comes_from_the_cache(real, model):
    ask = lambda: real.client().chat.completions.create(model=model, messages=say("word " * 300), max_tokens=1, temperature=0)
    first, second = ask(), ask()
    assert second.usage.prompt_tokens_details.cached_tokens > first.usage.prompt_tokens_details.cached_tokens
    assert second.choices[0].message.content == first.choices[0].message.content


def test_too_long(real, model):
    with pytest.raises(openai.BadRequestError) as caught:
        real.client().chat.completions.create(model=model, messages=say("word " * 3000))
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.body["n_ctx"] == 1024 and caught.value.body["n_prompt_tokens"] > 3000


def test_leaving_frees_the_work(real, model):
    stream = real.client().chat.completions.create(model=model, messages=say("Tell a very long story."), stream=True,
                                                   extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    assert wait_for(lambda: metric(real, "pingti_requests_running") == 0, 3)


def test_health_while_it_works(real):
    assert request(real, "GET", "/readyz")[0] == 200
    assert metric(real, "vllm:generation_tokens_total") > 0
    assert json.loads(request(real, "GET", "/version")[2])["isa"]


def test_sigterm_drains_and_a_second_signal_ends():
    served = Served()
    try:
        stream = served.client().completions.create(model=served.client().models.list().data[0].id, prompt="Once",
                                                    max_tokens=100, stream=True, extra_body={"ignore_eos": True})
        chunks = iter(stream)
        next(chunks)
        served.process.send_signal(signal.SIGTERM)
        last = None
        for last in chunks:
            pass
        assert last.choices[0].finish_reason == "length"
        assert served.process.wait(10) == 0
    finally:
        served.stop()
    served = Served()
    try:
        stream = served.client().completions.create(model=served.client().models.list().data[0].id, prompt="Once",
                                                    max_tokens=900, stream=True, extra_body={"ignore_eos": True})
        next(iter(stream))
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(2) == 128 + signal.SIGTERM
    finally:
        served.stop()


@pytest.mark.parametrize("closed", ["descriptor", "reader"])
def test_an_access_log_that_nobody_reads(closed):
    served = Served("--access-log", closed_stderr=closed == "descriptor")
    try:
        if closed == "reader":
            served.process.stderr.close()
        for _ in range(3):
            status, _, data = request(served, "GET", "/v1/models")
            assert status == 200 and json.loads(data)["object"] == "list"
        model = served.client().models.list().data[0].id
        assert served.client().completions.create(model=model, prompt="Once", max_tokens=4).choices[0].text
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(10) == 0
    finally:
        served.stop()


def test_the_drain_limit_is_a_setting():
    served = Served("--drain-seconds", "0.5")
    try:
        stream = iter(served.client().completions.create(model=served.client().models.list().data[0].id, prompt="Once",
                                                         max_tokens=900, stream=True, extra_body={"ignore_eos": True}))
        next(stream)
        served.process.send_signal(signal.SIGTERM)
        with pytest.raises(openai.APIError) as caught:
            for _ in stream:
                pass
        assert caught.value.code == "draining"
        assert served.process.wait(10) == 0
    finally:
        served.stop()


def run_serve(*args, environment=None):
    return subprocess.run([BINARY, "serve", *args], capture_output=True, text=True, timeout=20,
                          env={**os.environ, **(environment or {})})


def test_settings_and_their_sources(tmp_path):
    config = tmp_path / "pingti.yaml"
    config.write_text("port: 1234\nmax-queue: 7\napi-key: [secret]\nhost: 0.0.0.0\n")
    done = run_serve("--config", str(config), "--max-queue", "9", "--print-config", environment={"PINGTI_HOST": "127.0.0.2"})
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert f"port: 1234  # {config}" in lines
    assert "max-queue: 9  # --max-queue" in lines
    assert "host: 127.0.0.2  # PINGTI_HOST" in lines
    assert f"api-key: ***  # {config}" in lines
    assert "threads: 0  # default" in lines
    config.write_text("prot: 1\n")
    done = run_serve("--config", str(config), "--print-config")
    assert done.returncode == 2 and "prot" in done.stderr
    done = run_serve("--port", "70000")
    assert done.returncode == 2 and "70000" in done.stderr


def test_start_errors(tmp_path):
    done = run_serve("-m", MODEL, "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1 and "API key" in done.stderr
    done = run_serve("-m", str(tmp_path / "missing.gguf"))
    assert done.returncode == 1 and "missing.gguf" in done.stderr
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    done = run_serve("-m", str(broken), "--port", "0")
    assert done.returncode == 1 and done.stderr


def served_models(served):
    return {m["id"]: m for m in json.loads(request(served, "GET", "/models")[2])["data"]}


def test_several_models_in_one_process(tmp_path, real, model):
    """One file under two entries, and broken ones: each answers as the model served alone, within the budget."""
    (tmp_path / "broken.gguf").write_bytes(pathlib.Path(MODEL).read_bytes()[:100000])
    (tmp_path / "twin.gguf").symlink_to(pathlib.Path(MODEL).resolve())
    config = tmp_path / "pingti.yaml"
    config.write_text("models:\n"
                      f"- {{name: first, path: '{MODEL}', aliases: [deepseek-reasoner], ctx: 1024}}\n"
                      f"- {{name: second, path: '{tmp_path}/twin.gguf', ctx: 1024}}\n"
                      f"- {{path: '{tmp_path}/broken.gguf', preload: true}}\n"
                      "- {name: absent, path: nowhere.gguf}\n")

    def ask(served, name):
        return served.client().chat.completions.create(
            model=name, messages=say("Name the capital of France."), max_tokens=24,
            temperature=0).choices[0].message.content

    def state(served, name):
        return served_models(served)[name]["status"]["value"]

    alone = ask(real, model)
    served = ServedFile(config)
    try:
        assert state(served, "broken") == state(served, "first") == "unloaded"
        for name in ["first", "second", "deepseek-reasoner"]:
            assert ask(served, name) == alone
        for name in ["broken", "absent"]:
            with pytest.raises(openai.InternalServerError) as caught:
                ask(served, name)
            assert caught.value.status_code == 503 and caught.value.code == "model_failed"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:  # both at work at once, each as alone
            assert set(pool.map(lambda i: ask(served, ["first", "second"][i % 2]), range(8))) == {alone}
        assert state(served, "first") == state(served, "second") == "loaded"
    finally:
        served.stop()
    budget = 400 * 2**20  # enough for one
    served = ServedFile(config, "--memory-budget", str(budget))
    try:
        for name in ["first", "second", "first", "second"]:
            assert ask(served, name) == alone
            assert state(served, name) == "loaded"
            assert metric(served, "process_resident_memory_bytes") <= metric(served, "pingti_memory_used_bytes") <= budget
        assert state(served, "first") == "unloaded"
    finally:
        served.stop()
