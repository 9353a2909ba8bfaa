"""A program on a pseudo-terminal, driven like a person would: send keys, wait for text."""

import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from fcntl import ioctl

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")


class PtyProgram:
    def __init__(self, args, env, timeout=60):
        self.timeout = timeout
        self.text = ""  # everything seen, without escapes
        self.mark = 0  # where the next expect() begins to look
        self.raw = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(args[0], args, {**os.environ, **env})
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def line(self, text):
        self.send(text + "\r")

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += data
        self.text = ESCAPES.sub("", self.raw.decode("utf-8", "replace"))
        return bool(data)

    def expect(self, pattern):
        """Waits for a pattern after the last one found; returns the match."""
        deadline = time.monotonic() + self.timeout
        while True:
            match = re.compile(pattern).search(self.text, self.mark)
            if match:
                self.mark = match.end()
                return match
            if time.monotonic() > deadline or not self._read(0.1):
                raise AssertionError(f"no {pattern!r} in: {self.text[self.mark:]!r}")

    def wait(self):
        """The exit status."""
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"still running; last words: {self.text[-500:]!r}")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
