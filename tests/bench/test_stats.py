import random

import pytest

from servebench import stats
from servebench.load import Run
from servebench.record import Record


def record(start=0.0, ttft=1.0, tpot=0.1, tokens=11, **fields):
    times = [start + ttft + tpot * index for index in range(tokens)]
    return Record(start=start, end=times[-1], outputs=[(time, "x") for time in times], output_tokens=tokens, status=200,
                  prompt_tokens=100, counted=True, **fields)


def test_percentiles_interpolate():
    assert stats.percentile([], .5) is None
    assert stats.percentile([3], .99) == 3
    assert stats.percentile([4, 1, 3, 2], .5) == 2.5
    assert stats.percentile(list(range(101)), .95) == 95
    assert stats.percentile([0, 10], .99) == pytest.approx(9.9)
    values = [random.Random(1).random() for _ in range(999)]
    assert stats.percentile(values, .95) == pytest.approx(sorted(values)[948] * .9 + sorted(values)[949] * .1, abs=1e-2)


def test_summary():
    records = [record(start=0), record(start=4, ttft=2.0, tpot=0.2),
               Record(start=1, end=2, status=503, error="503 queue_full")]
    records[1].cached_tokens = 50
    summary = stats.summarize(records, 8.0)
    assert (summary["requests"], summary["completed"]) == (3, 2)
    assert summary["errors"] == {"503 queue_full": 1}
    assert summary["statuses"] == {"200": 2, "503": 1}
    assert summary["hit_rate"] == .25
    assert summary["requests_per_second"] == 2 / 8
    assert summary["input_tokens_per_second"] == 200 / 8
    assert summary["output_tokens_per_second"] == 22 / 8
    assert summary["total_tokens_per_second"] == 222 / 8
    assert summary["ttft_ms"]["p50"] == pytest.approx(1500)
    assert summary["tpot_ms"]["mean"] == pytest.approx(150)
    assert summary["itl_ms"]["max"] == pytest.approx(200)
    assert summary["e2e_ms"]["max"] == pytest.approx(4000)


def test_goodput_needs_every_limit():
    records = [record(), record(ttft=0.4), record(ttft=0.4, tpot=0.3), record(ttft=0.4, tokens=1),
               Record(end=1, status=500, error="500")]
    limits = stats.parse_limits(["ttft:500", "tpot:200"])
    summary = stats.summarize(records, 10.0, limits)
    assert summary["goodput"]["requests"] == 2
    assert summary["goodput"]["requests_per_second"] == .2
    assert summary["goodput"]["share"] == .4
    assert stats.summarize(records, 10.0, stats.parse_limits(["e2el:1500.5"]))["goodput"]["requests"] == 2


@pytest.mark.parametrize("text", ["ttft", "ttft:", "tfft:5", "ttft:-1", "ttft:1s"])
def test_wrong_limits_are_refused(text):
    with pytest.raises(ValueError, match="NAME:MILLISECONDS"):
        stats.parse_limits([text])


def test_report_by_class_and_phase():
    run = Run([record(label="S"), record(label="L", start=1), record(label="S", start=10, phase="warm")])
    report = stats.report(run)
    assert list(report) == ["all", "phase cold", "phase warm", "label L", "label S"]
    assert report["all"]["seconds"] == pytest.approx(12)
    # Phases follow each other, each with its own time; classes share the whole.
    assert report["phase cold"]["seconds"] == pytest.approx(3)
    assert report["label S"]["seconds"] == pytest.approx(12)
    assert list(stats.report(Run([record()]))) == ["all"]


def test_nothing_measured():
    summary = stats.summarize([], 0.0, {"ttft": 1.0})
    assert summary["output_tokens_per_second"] is None
    assert summary["ttft_ms"] is None
    assert summary["goodput"]["share"] is None
