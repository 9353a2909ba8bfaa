"""Load for OpenAI-compatible servers, and what the client sees of it. Python 3.11 or later, no packages."""
