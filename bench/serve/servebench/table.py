"""Plain text tables."""


def number(value, digits=3):
    """Three significant digits, more for integers."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) < 100 else f"{value:.0f}"


def table(header, rows):
    cells = [[number(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row):
        return " | ".join(cell.ljust(width) if not index else cell.rjust(width)
                          for index, (cell, width) in enumerate(zip(row, widths))).rstrip()

    return "\n".join([line(cells[0]), "-+-".join("-" * width for width in widths), *map(line, cells[1:])])


def markdown(header, rows):
    lines = ["| " + " | ".join(map(number, header)) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(map(number, row)) + " |" for row in rows)])


def summary_table(report):
    """The table of stats.report()."""
    header = ["", "done", "errors", "in tok/s", "out tok/s", "hit", "ttft p50", "p95", "p99", "tpot p50", "p95", "p99",
              "itl p50", "p95", "p99", "e2e p50", "p95", "p99", "good/s"]
    rows = []
    for name, part in report.items():
        def of(key, quantile, part=part):
            return part[key][quantile] if part[key] else None
        times = [of(key, quantile) for key in ("ttft_ms", "tpot_ms", "itl_ms", "e2e_ms")
                 for quantile in ("p50", "p95", "p99")]
        rows.append([name, part["completed"], part["requests"] - part["completed"], part["input_tokens_per_second"],
                     part["output_tokens_per_second"], part["hit_rate"], *times,
                     part.get("goodput", {}).get("requests_per_second")])
    return table(header, rows) + "\ntimes in ms"
