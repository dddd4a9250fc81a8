"""QEMU's monitor: commands while the machine runs or stands still."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.qemu.connection import AnswerError, connect

MONITOR_LIMIT_S = 20.0


class MonitorError(AnswerError):
    """QEMU's monitor refused a command or did not answer."""


class MonitorLost(MonitorError, ConnectionError):
    """QEMU's monitor has hung up."""


class Monitor:
    """QEMU's machine protocol (QMP), on a unix socket made known by `monitor_arguments`."""

    def __init__(self, path: Path) -> None:
        self._socket = connect(path, MONITOR_LIMIT_S)
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._receive("QMP")
        self.execute("qmp_capabilities")

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What could not be sent to a QEMU that has ended is tried once more by the close.
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """The command's return value. Raises MonitorError when QEMU reports an error."""
        try:
            self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self._file.flush()
            return self._receive("return")
        except (BrokenPipeError, ConnectionResetError):
            raise MonitorLost("QEMU's monitor has hung up") from None

    def human(self, command: str) -> str:
        """The answer to a command of the human monitor, such as `xp /2wx 0xb8000`."""
        return str(self.execute("human-monitor-command", **{"command-line": command}))

    def _receive(self, key: str) -> Any:
        """The next message that has `key`; events in between are passed over."""
        try:
            for line in self._file:
                message = json.loads(line)
                if "error" in message:
                    raise MonitorError(message["error"]["desc"])
                if key in message:
                    return message[key]
        except TimeoutError:
            raise MonitorError("QEMU's monitor did not answer") from None
        raise MonitorLost("QEMU's monitor has hung up")
