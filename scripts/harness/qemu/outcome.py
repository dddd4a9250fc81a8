"""What came of one QEMU process, as far as QEMU itself tells."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from harness.host.text import text_lines


class Stop(enum.Enum):
    """Why the runner stopped listening to QEMU."""

    EXITED = "QEMU ended"
    FOUND = "the awaited text appeared"
    SILENCE = "no output for too long; killed"
    LIMIT = "time limit reached; killed"
    FLOOD = "too much output; killed"
    GAVE_UP = "QEMU gave up on the machine; killed"
    DOWN = "the machine went down"
    LEFT = "left by the user"
    MISSING = "QEMU could not be started"


@dataclass(frozen=True)
class Outcome:
    """One QEMU process from start to end.

    status: its exit status, negative for a signal; None if it never ran or did not end by itself.
    quiet_s: for how long there had been no output when it ended or was killed.
    """

    stop: Stop
    status: int | None
    serial: bytes
    stderr: str = ""
    seconds: float = 0.0
    quiet_s: float = 0.0
    command: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The serial log, one printable line each."""
        return text_lines(self.serial)
