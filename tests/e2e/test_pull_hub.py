"""`pingti pull` from Hugging Face and ModelScope, by stand-ins of both."""

import json

import pytest

from pull_runner import content
from stand_ins import sha256


@pytest.fixture(params=["hf", "ms"])
def hub(request):
    server = request.getfixturevalue({"hf": "hugging_face", "ms": "model_scope"}[request.param])
    server.scheme = request.param
    server.token_name = {"hf": "HF_TOKEN", "ms": "MODELSCOPE_API_TOKEN"}[request.param]
    return server


def test_hub_default_quant_and_named_ones(pingti, hub):
    data = {name: content(20_000, seed) for seed, name in enumerate(["m-Q4_K_M.gguf", "m-Q8_0.gguf", "README.md"])}
    for name, body in data.items():
        hub.publish(name, body)
    assert pingti.pull(f"{hub.scheme}:org/repo").read_bytes() == data["m-Q4_K_M.gguf"]
    assert pingti.pull(f"{hub.scheme}:org/repo:q8_0").read_bytes() == data["m-Q8_0.gguf"]
    assert pingti.pull(f"{hub.scheme}:org/repo:README.md").read_bytes() == data["README.md"]
    error = pingti.refused("hub.no_such_file", f"{hub.scheme}:org/repo:Q2_K")
    assert "m-Q4_K_M.gguf" in error and "m-Q8_0.gguf" in error


def test_hub_split_model_comes_whole(pingti, hub):
    parts = {f"sub/m-Q8_0-{i:05}-of-00003.gguf": content(20_000, i) for i in (1, 2, 3)}
    for name, body in reversed(parts.items()):
        hub.publish(name, body)
    path = pingti.pull(f"{hub.scheme}:org/repo:Q8_0")
    assert path.name == "m-Q8_0-00001-of-00003.gguf"
    for name, body in parts.items():
        assert (path.parents[1] / name).read_bytes() == body


def test_hub_ambiguous_names_are_listed(pingti, hub):
    hub.publish("a-Q8_0.gguf", b"a")
    hub.publish("b-Q8_0.gguf", b"b")
    error = pingti.refused("hub.ambiguous", f"{hub.scheme}:org/repo:Q8_0")
    assert "a-Q8_0.gguf, b-Q8_0.gguf" in error


def test_hub_token_reaches_the_hub_and_nobody_else(pingti, hub):
    hub.token = "very-secret"
    data = content(20_000)
    hub.publish("m-Q8_0.gguf", data)
    error = pingti.refused("hub.http_401", f"{hub.scheme}:org/repo:Q8_0")
    assert hub.token_name in error
    pingti.env[hub.token_name] = "very-secret"
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0").read_bytes() == data
    assert len(hub.storage.requests) == 1
    assert "very-secret" not in json.dumps(hub.storage.requests)


def test_hub_token_is_not_printed(pingti, hub):
    hub.token = "right"
    pingti.env[hub.token_name] = "wrong-secret"
    assert "wrong-secret" not in pingti.refused("hub.http_401", f"{hub.scheme}:org/repo:Q8_0")


def test_hub_resumes_on_the_storage_host(pingti, hub):
    data = content(3_000_000)
    hub.publish("m-Q8_0.gguf", data).cut_after = [1_200_000]
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0").read_bytes() == data
    assert hub.storage.fetches("/m-Q8_0.gguf")[1]["Range"] != "bytes=0-"


def test_hub_wrong_digest_is_refused(pingti, hub):
    hub.publish("m-Q8_0.gguf", content(20_000))
    hub.lies["m-Q8_0.gguf"] = {"sha256": "1" * 64}
    error = pingti.refused("hub.sha256_mismatch", f"{hub.scheme}:org/repo:Q8_0")
    assert "1" * 64 in error and sha256(content(20_000)) in error
    assert not list(pingti.folder.rglob("*.gguf")) and pingti.litter() == []


@pytest.mark.parametrize("size", [19_999, 20_001])
def test_hub_wrong_size_is_refused(pingti, hub, size):
    hub.publish("m-Q8_0.gguf", content(20_000))
    hub.lies["m-Q8_0.gguf"] = {"size": size}
    error = pingti.refused("hub.wrong_size", f"{hub.scheme}:org/repo:Q8_0")
    assert "20000" in error and str(size) in error


def test_hub_damaged_part_of_an_earlier_try_is_replaced(pingti, hub):
    data = content(3_000_000)
    faults = hub.publish("m-Q8_0.gguf", data)
    faults.cut_after = [900_000]
    pingti.refused("http.cut", "--retries", 0, f"{hub.scheme}:org/repo:Q8_0")
    part = next(pingti.folder.rglob("*.part"))
    damaged = bytearray(part.read_bytes())
    damaged[100] ^= 1
    part.write_bytes(damaged)
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0").read_bytes() == data


def test_hub_listing_is_tried_again(pingti, hub):
    hub.publish("m-Q8_0.gguf", b"data")
    hub.listing_statuses = [503, 500]
    assert pingti.pull(f"{hub.scheme}:org/repo").read_bytes() == b"data"


def test_hub_unknown_repository(pingti, hub):
    assert "misspelt" in pingti.refused("hub.http_404", f"{hub.scheme}:org/other")


def test_hub_offline_second_pull(pingti, hub):
    hub.publish("m-Q8_0.gguf", b"data")
    path = pingti.pull(f"{hub.scheme}:org/repo:Q8_0")
    hub.close()
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0") == path
    assert pingti.pull("--retries", 0, f"{hub.scheme}:org/repo") == path


def test_hub_listing_in_pages(pingti, hugging_face):
    hugging_face.page_size = 3
    hugging_face.token = pingti.env["HF_TOKEN"] = "secret"
    for i in range(10):
        hugging_face.publish(f"file{i}.txt", b"x")
    hugging_face.publish("m-Q8_0.gguf", b"data")
    assert pingti.pull("hf:org/repo").read_bytes() == b"data"
