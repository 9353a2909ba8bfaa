"""Summaries of Records."""
import collections
import re
import statistics

GOODPUT_NAMES = ("ttft", "tpot", "e2e")


def percentile(values, share):
    """Linear interpolation between order statistics (numpy's default); share from 0 to 1."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values):
    """Seconds in, milliseconds out."""
    values = [1000 * value for value in values if value is not None]
    if not values:
        return None
    return {"mean": statistics.fmean(values), "p50": percentile(values, .5), "p95": percentile(values, .95),
            "p99": percentile(values, .99), "max": max(values)}


def parse_limits(parts):
    """["ttft:500", "tpot:100"] as vLLM writes them: milliseconds."""
    limits = {}
    for part in parts:
        match = re.fullmatch(r"(\w+):(\d+(?:\.\d+)?)", part)
        name = "e2e" if match and match[1] == "e2el" else match[1] if match else None
        if name not in GOODPUT_NAMES:
            raise ValueError(f"{part!r} is not NAME:MILLISECONDS with one of {', '.join(GOODPUT_NAMES)}")
        limits[name] = float(match[2]) / 1000
    return limits


def meets(record, limits):
    """An answer of one token has no TPOT, and none to miss."""
    if not record.ok:
        return False
    for name, limit in limits.items():
        value = getattr(record, name)
        if value is None and name == "ttft":
            return False
        if value is not None and value > limit:
            return False
    return True


def summarize(records, seconds, limits=None):
    """All figures of a set of records that took so many seconds together."""
    good = [r for r in records if r.ok]
    prompt, cached = sum(r.prompt_tokens for r in good), sum(r.cached_tokens for r in good)
    output = sum(r.output_tokens for r in good)

    def rate(amount):
        return amount / seconds if seconds > 0 else None

    summary = {
        "requests": len(records), "completed": len(good), "seconds": seconds,
        "errors": dict(collections.Counter(r.error for r in records if not r.ok)),
        "statuses": dict(collections.Counter(str(r.status) for r in records)),
        "finish": dict(collections.Counter(str(r.finish) for r in good)),
        "prompt_tokens": prompt, "cached_tokens": cached, "output_tokens": output,
        "hit_rate": cached / prompt if prompt else None,
        "counted_by_server": all(r.counted for r in good),
        "requests_per_second": rate(len(good)), "input_tokens_per_second": rate(prompt),
        "output_tokens_per_second": rate(output), "total_tokens_per_second": rate(prompt + output),
        "ttft_ms": spread([r.ttft for r in good]), "tpot_ms": spread([r.tpot for r in good]),
        "itl_ms": spread([gap for r in good for gap in r.gaps]), "e2e_ms": spread([r.e2e for r in good]),
    }
    if limits:
        kept = sum(meets(r, limits) for r in records)
        summary["goodput"] = {"limits_ms": {n: 1000 * v for n, v in limits.items()}, "requests": kept,
                              "share": kept / len(records) if records else None, "requests_per_second": rate(kept)}
    return summary


def report(run, limits=None):
    """Summaries of a Run: all of it, and by phase, class and turn where there is more than one."""
    parts = {"all": summarize(run.records, run.seconds, limits)}
    for name in ("phase", "label", "turn"):
        groups = collections.defaultdict(list)
        for record in run.records:
            groups[getattr(record, name)].append(record)
        if len(groups) > 1:
            for key in sorted(groups):
                # Classes run side by side: their rates are shares of the whole run. Phases follow each other.
                seconds = type(run)(groups[key]).seconds if name == "phase" else run.seconds
                parts[f"{name} {key}"] = summarize(groups[key], seconds, limits)
    return parts
