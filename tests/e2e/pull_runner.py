"""Runs pingti with a models folder of its own."""

import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_binary():
    if "PINGTI_BINARY" in os.environ:
        return pathlib.Path(os.environ["PINGTI_BINARY"])
    for preset in ("release", "dev"):
        binary = ROOT / "build" / preset / "src" / "cli" / "pingti"
        if binary.exists():
            return binary
    pytest.fail("no pingti binary: build it, or name it in PINGTI_BINARY")


BINARY = find_binary()


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


class Runner:
    """Runs pingti with a models folder and an environment of its own."""

    def __init__(self, folder):
        self.folder = folder / "models"
        keep = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "PYENV_VERSION")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env |= {"PINGTI_MODELS": str(self.folder), "XDG_CONFIG_HOME": str(folder / "config")}

    def start(self, *arguments, **options):
        return subprocess.Popen(
            [BINARY, *map(str, arguments)], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def __call__(self, *arguments, **options):
        process = self.start(*arguments, **options)
        process.out, process.err = process.communicate(timeout=60)
        return process

    def pull(self, *arguments):
        """Pulls and returns the path that it prints."""
        done = self("pull", *arguments)
        assert done.returncode == 0, done.err
        return pathlib.Path(done.out.strip())

    def refused(self, code, *arguments):
        """Pulls, expects failure with this stable code, returns stderr."""
        done = self("pull", *arguments)
        assert done.returncode == 1, (done.out, done.err)
        assert f"[{code}]" in done.err, done.err
        return done.err

    def litter(self):
        """Files below the models folder that are neither models nor stamps."""
        return [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix in (".part", ".json", ".lock", ".whl") or path.suffix == ".pip"
        ]
