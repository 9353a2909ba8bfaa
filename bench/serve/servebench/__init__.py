"""Load for OpenAI-compatible servers, and what the client sees of it. Python 3.10 or later, no packages."""
