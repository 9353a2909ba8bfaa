"""What rows share.

A row is a module: NAME, TITLE, FIGURES (key -> Figure), needs(options) -> Needs, `async measure(server, bench)` that
gives a dict of figures of one round, goals(values, bench) -> [Goal]. Optional: wanted(options) -> None or why it cannot
be measured; kinds(bench) -> the servers it is measured on; PEER = False where no peer is compared.
"""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    title: str
    unit: str


@dataclasses.dataclass(frozen=True)
class Goal:
    """value is None where it could not be measured. sign: ">=" or "<="."""

    text: str
    value: float | None
    sign: str
    limit: float

    @property
    def met(self):
        if self.value is None:
            return None
        return self.value >= self.limit if self.sign == ">=" else self.value <= self.limit


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(above, below):
    return above / below if above is not None and below else None


def check(run, exact=None):
    """A measured run must have answered everything; with exact, the tokens asked of every answer."""
    bad = [r for r in run.records if not r.ok]
    if bad:
        raise RuntimeError(f"{len(bad)} of {len(run.records)} requests failed: {bad[0].error}")
    if exact and any(r.counted and r.output_tokens != exact for r in run.records):
        found = sorted({r.output_tokens for r in run.records})
        raise RuntimeError(f"answers of {found} tokens, wanted {exact}")


def best(values, key, names, larger=True):
    """The best median among servers; None without any."""
    found = [values[n][key] for n in names if values.get(n, {}).get(key) is not None]
    return (max if larger else min)(found) if found else None
