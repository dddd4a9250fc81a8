"""Where files are that live no longer than a run.

The path of a socket has at most 107 bytes, and what it is told to reads some characters in a way of
its own: so a directory with a short and plain path is taken, where there is one.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from harness.host.fault import EnvironmentFault

# What is left of 107 bytes is for names below it.
ROOT_BYTES = 60
PLAIN = re.compile(r"[A-Za-z0-9_./+@~-]+")
ROOTS = ("/tmp", "/var/tmp", "/dev/shm")


def scratch_root() -> Path:
    """The directory for temporary files, or another if its path will not do."""
    roots = [root for root in (_usual_root(), *ROOTS) if _will_do(root)]
    plain = [root for root in roots if PLAIN.fullmatch(root)]
    if not roots:
        told = f"no directory for sockets: TMPDIR, {', '.join(ROOTS)} cannot be written or are longer"
        raise EnvironmentFault(f"{told} than {ROOT_BYTES} bytes; set TMPDIR to one")
    return Path((plain or roots)[0])


def scratch_directory() -> tempfile.TemporaryDirectory[str]:
    """A new one, which goes with the end of a `with` block. Raises EnvironmentFault without a place."""
    try:
        return tempfile.TemporaryDirectory(prefix="kernel-", dir=scratch_root())
    except OSError as error:
        raise EnvironmentFault(f"{error.filename}: {error.strerror}") from None


def _usual_root() -> str:
    """TMPDIR, or what stands in for it; "" if nothing does."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return ""


def _will_do(root: str) -> bool:
    return 0 < len(os.fsencode(root)) <= ROOT_BYTES and os.access(root, os.W_OK | os.X_OK)
