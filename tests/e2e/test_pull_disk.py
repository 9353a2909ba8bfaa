"""`pingti pull` where the disk is too small."""

import os
import resource
import signal
import subprocess

import pytest

from pull_runner import content
from stand_ins import sha256


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mount is refused here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_disk_too_small_is_told_before_fetching_with_both_numbers(pingti, files, small_disk):
    files.add("/m.gguf", content(6_000_000))
    error = pingti.refused("hub.disk_full", "--dir", small_disk / "models", files.url + "/m.gguf")
    assert "6000000 more bytes" in error and "free" in error
    assert not list(small_disk.rglob("m.gguf"))


def test_disk_that_fills_up_on_the_way_and_is_freed(pingti, files, small_disk):
    data = content(3_000_000)
    faults = files.add("/m.gguf", data)
    faults.chunked = True  # no length: nothing to check before
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_500_000)
    reference = f"{files.url}/m.gguf#sha256={sha256(data)}"
    pingti.refused("hub.disk_full", "--dir", small_disk / "models", reference)
    ballast.unlink()
    faults.chunked = False
    assert pingti.pull("--dir", small_disk / "models", reference).read_bytes() == data
    assert files.fetches("/m.gguf")[-1].get("Range"), "what had come was used"


def test_file_size_limit_is_an_error_and_no_crash(pingti, files):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    files.add("/m.gguf", content(2_000_000))
    done = pingti("pull", files.url + "/m.gguf", preexec_fn=limit)
    assert done.returncode == 1 and "[hub.disk_full]" in done.err
