"""Rows of the comparison: one file each, and one line here."""
from . import adapters, batching, conversation, mix, models, plain, schema, streaming

ROWS = {row.NAME: row for row in (plain, mix, conversation, batching, streaming, adapters, models, schema)}
