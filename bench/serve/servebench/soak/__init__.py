"""A server under clients that misbehave."""
