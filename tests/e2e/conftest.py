import os

import pytest

from pull_runner import Runner
from stand_ins import FileServer, HuggingFace, ModelScope


@pytest.fixture
def pingti(tmp_path):
    return Runner(tmp_path)


@pytest.fixture
def files():
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def hugging_face(pingti):
    server = HuggingFace("org/repo")
    pingti.env["HF_ENDPOINT"] = server.url
    yield server
    server.close()


@pytest.fixture
def model_scope(pingti):
    server = ModelScope("org/repo")
    pingti.env["MODELSCOPE_ENDPOINT"] = server.url
    yield server
    server.close()


@pytest.fixture
def wheels(pingti, tmp_path):
    """A folder that pip takes for PyPI."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    pingti.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
    return folder
