"""A run as an SVG: distributions of the times a client waits, and tokens per second over the run."""
import html

from .stats import percentile

COLORS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"]
WIDTH, HEIGHT, MARGIN = 420, 260, 48


class Panel:
    """Axes at (left, top) of the picture; points in data units."""

    def __init__(self, left, top, title, xlabel, ylabel, xmax, ymax):
        self.left, self.top, self.title, self.labels = left, top, title, (xlabel, ylabel)
        self.xmax, self.ymax = xmax or 1, ymax or 1
        self.parts = []

    def place(self, x, y):
        inner_w, inner_h = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
        return (self.left + MARGIN + x / self.xmax * inner_w, self.top + HEIGHT - MARGIN - y / self.ymax * inner_h)

    def line(self, points, color):
        text = " ".join("{:.1f},{:.1f}".format(*self.place(x, y)) for x, y in points)
        self.parts.append(f'<polyline points="{text}" fill="none" stroke="{color}" stroke-width="1.5"/>')

    def text(self, x, y, text, anchor="middle", color="#000"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">'
                          f'{html.escape(text)}</text>')

    def svg(self):
        left, bottom = self.place(0, 0)
        right, top = self.place(self.xmax, self.ymax)
        self.parts.append(f'<path d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}" fill="none" stroke="#000"/>')
        for share in (0, .5, 1):
            x, y = self.place(self.xmax * share, self.ymax * share)
            self.text(x, bottom + 14, f"{self.xmax * share:.4g}")
            self.text(left - 4, y + 4, f"{self.ymax * share:.4g}", "end")
        self.text((left + right) / 2, self.top + 18, self.title)
        self.text((left + right) / 2, bottom + 30, self.labels[0])
        self.text(left, top - 8, self.labels[1], "start")
        return "".join(self.parts)


def distribution(left, top, title, series):
    """Cumulative shares; series: name -> values in ms."""
    series = {name: [v for v in values if v is not None] for name, values in series.items()}
    series = {name: values for name, values in series.items() if values}
    panel = Panel(left, top, title, "ms", "share", max((max(v) for v in series.values()), default=1), 1)
    for index, (name, values) in enumerate(series.items()):
        color = COLORS[index % len(COLORS)]
        panel.line([(percentile(values, step / 100), step / 100) for step in range(101)], color)
        x, y = panel.place(panel.xmax, 0)
        panel.text(x, y - 8 - 13 * index, name, "end", color)
    return panel.svg()


def throughput(left, top, series, bins=60):
    """Output events per second in so many bins; series: name -> Run."""
    seconds = max((run.seconds for run in series.values()), default=1) or 1
    curves = {}
    for name, run in series.items():
        origin = min((r.start for r in run.records), default=0)
        counts = [0] * bins
        for record in run.records:
            for time, _ in record.outputs if record.streamed else []:
                counts[min(bins - 1, int((time - origin) / seconds * bins))] += 1
        curves[name] = [count * bins / seconds for count in counts]
    panel = Panel(left, top, "output events per second", "s", "1/s", seconds, max(map(max, curves.values()), default=1))
    for index, curve in enumerate(curves.values()):
        panel.line([((at + .5) * seconds / bins, value) for at, value in enumerate(curve)], COLORS[index % len(COLORS)])
    return panel.svg()


def picture(series):
    """The SVG text; series: name -> Run, such as one per class or one per server."""
    def milliseconds(pick):
        return {name: [1000 * v for r in run.records if r.ok for v in pick(r) if v is not None]
                for name, run in series.items()}
    panels = [distribution(0, 0, "time to first token", milliseconds(lambda r: [r.ttft])),
              distribution(WIDTH, 0, "time per output token", milliseconds(lambda r: [r.tpot])),
              distribution(0, HEIGHT, "time to the answer's end", milliseconds(lambda r: [r.e2e])),
              throughput(WIDTH, HEIGHT, series)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}" font-family="sans-serif" '
            f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}</svg>\n')
