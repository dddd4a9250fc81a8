"""Connections to a QEMU: the sockets on which it is asked, and their arguments."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from harness.qemu.command_line import option_value

LISTEN_S = 1.0


class AnswerError(Exception):
    """QEMU did not answer as it should, on one of the connections to it."""


def connect(path: Path, limit_s: float) -> socket.socket:
    """Connects to a socket of QEMU's, on which an answer may take `limit_s`.

    QEMU makes the file a moment before it accepts connections. Raises FileNotFoundError or
    ConnectionRefusedError.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(limit_s)
    deadline = time.monotonic() + LISTEN_S
    while True:
        try:
            connection.connect(str(path))
            return connection
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(LISTEN_S / 100)
        except OSError:
            connection.close()
            raise


def monitor_arguments(path: Path) -> tuple[str, ...]:
    """The QEMU arguments for a Monitor on the socket `path`."""
    return ("-qmp", f"unix:{option_value(path)},server=on,wait=off")


def gdb_arguments(path: Path) -> tuple[str, ...]:
    """The QEMU arguments for a gdb stub on the socket `path`."""
    return ("-gdb", f"unix:{option_value(path)},server=on,wait=off")
