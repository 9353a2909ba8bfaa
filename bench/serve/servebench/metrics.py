"""Prometheus text."""
import re

LINE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{.*\})? ([^ ]+)(?: \d+)?")


def parse(text):
    """name -> sum over its labels."""
    values = {}
    for line in text.splitlines():
        if match := LINE.fullmatch(line.strip()):
            try:
                values[match[1]] = values.get(match[1], 0.0) + float(match[2])
            except ValueError:
                pass
    return values


async def read(client):
    """The server's metrics; empty where it has none."""
    status, body = await client.get("/metrics", absolute=True)
    return parse(body.decode()) if status == 200 else {}
