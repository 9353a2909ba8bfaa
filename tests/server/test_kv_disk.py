"""Prefixes on disk with a real model: restarts, kill -9 in the middle of writing, damage, a full disk."""
import random
import resource
import signal
import time

import pytest

from helpers import metric, say, wait_for
from test_real_model import BINARY, MODEL, Served

pytestmark = pytest.mark.skipif(not (BINARY and MODEL), reason="PINGTI_BINARY and PINGTI_TEST_MODEL are not set")


@pytest.fixture
def serve(tmp_path):
    """Starts servers on one folder; they end with the test."""
    started = []

    def start(*args):
        started.append(Served("--kv-disk", str(start.folder), "--alias", "default", *args))
        return started[-1]
    start.folder = tmp_path / "kv"
    yield start
    for served in started:
        served.stop()


def text(seed, words=300):
    source = random.Random(seed)
    return " ".join(source.choice(["river", "stone", "seven", "above", "quiet", "paper"]) for _ in range(words))


def ask(served, messages):
    """(answer to the bit, cached tokens)."""
    answer = served.client().chat.completions.create(model="default", messages=messages, max_tokens=12, temperature=0.8,
                                                     seed=1, logprobs=True)
    choice = answer.choices[0]
    return ((choice.message.content, [(t.bytes, t.logprob) for t in choice.logprobs.content]),
            answer.usage.prompt_tokens_details.cached_tokens)


def without_disk(prompts):
    served = Served("--alias", "default")
    try:
        return [ask(served, prompt)[0] for prompt in prompts]
    finally:
        served.stop()


def end(served):
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0


def files(serve):
    return sorted(serve.folder.rglob("*.kv"))


def test_a_conversation_goes_on_after_a_restart(serve):
    messages = say(text(1))
    first = serve()
    answer, cached = ask(first, messages)
    assert cached == 0
    end(first)
    messages = [*messages, {"role": "assistant", "content": answer[0]}, *say("Go on.")]
    second = serve()
    warm, cached = ask(second, messages)
    assert cached > 250
    assert metric(second, "pingti_kv_disk_hit_tokens_total") == cached
    assert without_disk([messages]) == [warm]


def test_kill_9_while_it_writes(serve):
    """Killed at different moments of writing it serves the same bytes afterwards, and nothing damaged."""
    prompts = [say(text(seed)) for seed in range(4)]
    expected = without_disk(prompts)
    for turn in range(4):
        served = serve()
        assert [ask(served, prompt)[0] for prompt in prompts] == expected
        count = len(files(serve))
        stream = served.client().chat.completions.create(model="default", messages=say(text(100 + turn, 500)),
                                                         max_tokens=2, stream=True)
        assert wait_for(lambda: len(files(serve)) > count, 20)
        time.sleep(0.003 * turn)
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
        stream.close()
    served = serve()
    hits = [ask(served, prompt) for prompt in prompts]
    assert [answer for answer, _ in hits] == expected
    assert all(cached > 200 for _, cached in hits)
    assert metric(served, "pingti_kv_disk_healed_blocks_total") == 0
    assert not list(serve.folder.glob("writing-*"))


def test_damaged_files_are_deleted_and_not_believed(serve):
    prompt = say(text(7))
    served = serve()
    answer, _ = ask(served, prompt)
    end(served)
    source = random.Random(1)
    for number, path in enumerate(files(serve)):
        data = bytearray(path.read_bytes())
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        path.write_bytes(data if number % 2 else data[:source.randrange(len(data))])
    served = serve()
    again, cached = ask(served, prompt)
    assert again == answer and cached == 0
    assert metric(served, "pingti_kv_disk_healed_blocks_total") >= 1


def test_it_keeps_within_its_size(serve):
    served = serve("--kv-disk-size", "0.02")
    for seed in range(5):
        ask(served, say(text(seed)))
    assert wait_for(lambda: metric(served, "pingti_kv_disk_evicted_blocks_total") > 0)
    assert metric(served, "pingti_kv_disk_bytes") <= 0.02 * 2**30
    end(served)
    assert sum(path.stat().st_size for path in files(serve)) <= 0.02 * 2**30


def test_a_disk_that_takes_no_more_stops_nothing(serve):
    """A file size limit refuses every block, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        served = serve()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    prompt = say(text(3))
    answer, _ = ask(served, prompt)
    again, cached = ask(served, prompt)
    assert again == answer and cached > 200  # from memory
    assert wait_for(lambda: metric(served, "pingti_kv_disk_write_errors_total") >= 1)
    assert not files(serve) and not list(serve.folder.glob("writing-*"))


def test_two_servers_on_one_folder(serve):
    one, two = serve(), serve()
    prompts = [say(text(seed)) for seed in range(3)]
    answers = [ask(one, prompt)[0] for prompt in prompts]
    assert [ask(two, prompt)[0] for prompt in prompts] == answers
    assert sum(metric(each, "pingti_kv_disk_healed_blocks_total") for each in (one, two)) == 0
    end(one)
    assert ask(serve(), prompts[0])[1] > 200


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RuntimeError, match="kv_store.folder"):
        Served("--kv-disk", str(tmp_path / "file"))
