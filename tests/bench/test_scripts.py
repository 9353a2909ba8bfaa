"""Tables, plots, metrics and the comparison's rows, without a server."""
import types
import xml.etree.ElementTree as ElementTree

import pytest
from scripted_server import ScriptedServer
from virtual_time import run

from servebench import bench, load, metrics, plot, stats, table, text
from servebench.client import Client
from servebench.record import Record
from servebench.rows import ROWS
from servebench.rows.common import Goal
from servebench.rows.mix import beside_long_prefill
from servebench.rows.streaming import first_words
from servebench.soak import actions
from servebench.soak.run import Findings, leaks

VOCABULARY = text.Vocabulary(text.WORDS[:48], text.WORDS, 0)


def test_metrics_sum_over_labels():
    values = metrics.parse('# HELP a b\na{x="1"} 2\na{x="2 }"} 3.5\nb 1e3\nc NaN\nnonsense\n')
    assert values["a"] == 5.5 and values["b"] == 1000 and "nonsense" not in values


def test_plot_is_svg_with_each_class():
    record = Record(label="<S>", start=0, end=3, outputs=[(1, "a"), (2, "b")], output_tokens=2, status=200)
    picture = plot.picture({"<S>": load.Run([record, record]), "none": load.Run()})
    root = ElementTree.fromstring(picture)
    assert root.tag.endswith("svg")
    assert any(node.text == "<S>" for node in root.iter())


def test_tables():
    report = stats.report(load.Run([Record(start=0, end=1, outputs=[(.5, "a")], output_tokens=1, status=200)]))
    assert "500" in table.summary_table(report)
    assert table.markdown(["a", "b"], [["x", 1234.5], ["y", None]]).splitlines() == [
        "| a | b |", "|---|---|", "| x | 1,234 |", "| y | – |"]
    assert [table.number(value) for value in (0.12345, 12.345, 123.45, 7, 0.0)] == ["0.123", "12.3", "123", "7", "0"]


def test_goals():
    assert Goal("", 2.5, ">=", 2.5).met is True
    assert Goal("", 0.4, "<=", 0.3).met is False
    assert Goal("", None, "<=", 0.3).met is None


def test_short_requests_beside_a_long_prefill():
    def one(label, start, first):
        return Record(label=label, start=start, end=first + 1, outputs=[(first, "x")], status=200)
    records = [one("L", 10, 20), one("S", 5, 9), one("S", 9, 11), one("S", 19, 25), one("S", 20.5, 21),
               one("M", 12, 13)]
    assert [r.start for r in beside_long_prefill(records)] == [9, 19]


def test_first_words_end_at_the_next_space():
    record = Record(start=1.0, end=9.0, outputs=[(2, " The"), (3, " riv"), (4, "er"), (5, " is"), (6, " long")])
    assert first_words(record) == 4
    assert first_words(Record(start=1.0, end=9.0, outputs=[(2, "One"), (3, "word")])) == 8


@pytest.mark.parametrize("name", ["clients16", "mix", "streaming"])
def test_rows_measure_a_scripted_server(name):
    row = ROWS[name]
    server = ScriptedServer(script=lambda body, index: [1.0] + [0.1] * (body["max_tokens"] - 1))
    options = types.SimpleNamespace(scale=0.5)
    kind = types.SimpleNamespace(name="pingti")
    measured = bench.Bench(options, [kind], {})
    measured.vocabulary, measured.seed = VOCABULARY, "seed"
    target = types.SimpleNamespace(client=Client("http://x/v1", connector=server.connector), name="pingti", kind=kind)
    figures = run(row.measure(target, measured))
    assert set(figures) <= set(row.FIGURES)
    if name == "clients16":
        # 24 requests of 1 + 4.7 s by 16 clients: two rounds.
        assert figures["out"] == pytest.approx(24 * 48 / 11.4)
        assert figures["ttft_p50"] == pytest.approx(1000)
    if name == "streaming":
        assert figures["whole"] == pytest.approx(1000 * (1 + 19.9))
        assert figures["share"] == pytest.approx(1.2 / 20.9)
    if name == "mix":
        assert figures["s_p95_beside_l"] == pytest.approx(1000)
    values = {"pingti": figures}
    assert all(goal.met is not False or goal.value is not None for goal in row.goals(values, measured))


def test_every_row_says_what_it_is():
    for name, row in ROWS.items():
        assert row.NAME == name and row.TITLE and row.FIGURES
        goals = row.goals({}, types.SimpleNamespace(ours="pingti", peers=[]))
        assert goals and all(goal.met is None for goal in goals)


def test_leaks_are_found():
    def state(**changed):
        return {"descriptors": 7, "threads": 9, "resident": 1, "kv_usage": 0.0, "running": 0, "waiting": 0, **changed}
    findings, options = Findings(), types.SimpleNamespace(growth=16)
    findings.memory = [(second, 100 << 20) for second in range(10)]
    assert leaks(state(), state(), findings, options) == []
    assert leaks(state(), state(descriptors=8), findings, options) == ["descriptors: 8, before 7"]
    assert leaks(state(), state(running=1, kv_usage=.1), findings, options) == ["running: 1",
                                                                                "kv_usage: 0.1, before 0.0"]
    assert leaks(state(), state(waiting=None), findings, options) == ["waiting: None"]
    findings.memory += [(11, 117 << 20)]
    assert "grew by 17 MiB" in leaks(state(), state(), findings, options)[0]


def test_proper_errors():
    body = b'{"error": {"message": "m", "type": "t", "param": null, "code": "c"}}'
    assert actions.check_error(400, {}, body, (400,)) == 400
    assert actions.check_error(503, {"retry-after": "1"}, body, (400,)) == 503
    for status, headers, text_, wanted in [(503, {}, body, (400,)), (500, {}, body, (400,)), (400, {}, b"no", (400,)),
                                           (400, {}, b'{"error": "text"}', (400,)), (200, {}, body, (400,))]:
        with pytest.raises(actions.Wrong):
            actions.check_error(status, headers, text_, wanted)


@pytest.mark.parametrize("truth, outcome", [(" w0 w1 w2", "ok"), (" other", None)])
def test_soak_compares_answers(truth, outcome):
    server = ScriptedServer()
    context = types.SimpleNamespace(client=Client("http://x/v1", connector=server.connector), truth={0: truth},
                                    pick=lambda: (0, actions.question("a", 3, None, "q")))
    for action in (actions.streamed, actions.whole):
        if outcome:
            assert run(action(context)) == outcome
        else:
            with pytest.raises(actions.Wrong):
                run(action(context))
