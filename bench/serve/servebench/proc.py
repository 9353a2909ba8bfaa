"""What a process holds, from /proc."""
import os
import pathlib
import re


def status_bytes(pid, field):
    """A field of /proc/PID/status in bytes, such as VmRSS (now) or VmHWM (most ever)."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) * 1024


def resident(pid):
    return status_bytes(pid, "VmRSS")


def proportional(pid):
    """Resident memory with shared pages divided among their holders, bytes."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) * 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))
