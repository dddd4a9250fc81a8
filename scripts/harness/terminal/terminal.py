"""The user's terminal while a guest has it: raw, and as it was again whenever this process stops.

Keys come as they are typed, Ctrl-C and Ctrl-Z too. Output never blocks: a terminal that is not read
does not keep its keys from being seen.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from types import FrameType, TracebackType

STANDARD_INPUT, STANDARD_OUTPUT = 0, 1
CHUNK_BYTES = 1 << 12
# How long the last output may take to be shown.
FLUSH_S = 1.0
IFLAG, OFLAG, LFLAG, CC = 0, 1, 3, 6
INPUT_CHANGES = (
    termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR
    | termios.IGNCR | termios.ICRNL | termios.IXON
)
LOCAL_CHANGES = termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN | termios.ISIG


def is_attended() -> bool:
    """Whether someone can type and read."""
    return os.isatty(STANDARD_INPUT) and os.isatty(STANDARD_OUTPUT)


class Terminal:
    """Standard input and output, which are a terminal. As before at the end of a `with` block."""

    def __init__(self) -> None:
        self.input = STANDARD_INPUT
        self._before = termios.tcgetattr(self.input)
        self._handlers: dict[int, object] = {}
        self._pending = bytearray()
        # A description of our own: whether writes block is not to change for others that have it.
        self._output = _open_again(STANDARD_OUTPUT)

    def __enter__(self) -> Terminal:
        return self

    def make_raw(self) -> None:
        """Inside the block, so that a signal at any moment still ends with the modes of before."""
        sys.stdout.flush()
        for number, handler in ((signal.SIGTSTP, self._stop), (signal.SIGCONT, self._go_on)):
            self._handlers[number] = signal.signal(number, handler)
        self._set_raw()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._restore()
            self._flush()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]
            self._restore()
            if self._output != STANDARD_OUTPUT:
                os.close(self._output)

    def read(self) -> bytes | None:
        """What was typed; None if nothing was. Raises EOFError when the terminal is gone."""
        if not select.select([self.input], [], [], 0)[0]:
            return None
        try:
            typed = os.read(self.input, CHUNK_BYTES)
        except OSError:
            typed = b""
        if not typed:
            raise EOFError
        return typed

    def write(self, text: bytes) -> None:
        """Shows it, or as much as the terminal takes; `write_more` goes on."""
        self._pending += text
        self.write_more()

    def write_more(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._output, self._pending[:CHUNK_BYTES])]
        except BlockingIOError:
            pass
        except OSError:
            self._pending.clear()  # the terminal is gone, which `read` tells

    @property
    def output(self) -> int:
        """The descriptor that can be written to when `write_more` has something to do."""
        return self._output

    @property
    def unshown_bytes(self) -> int:
        return len(self._pending)

    def _flush(self) -> None:
        self.write_more()
        while self._pending and select.select([], [self._output], [], FLUSH_S)[1]:
            self.write_more()

    def _set_raw(self) -> None:
        if not self._is_ours():
            return
        raw = [*self._before[:CC], list(self._before[CC])]
        raw[IFLAG] &= ~INPUT_CHANGES
        raw[LFLAG] &= ~LOCAL_CHANGES
        raw[CC][termios.VMIN], raw[CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self.input, termios.TCSANOW, raw)

    def _restore(self) -> None:
        """In the background the terminal is another's, who has set it as they want it."""
        try:
            if self._is_ours():
                termios.tcsetattr(self.input, termios.TCSANOW, self._before)
        except termios.error:
            pass  # the terminal is gone

    def _is_ours(self) -> bool:
        try:
            return os.tcgetpgrp(self.input) == os.getpgrp()
        except OSError:
            return True  # not the terminal of this session, so there is no background

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._restore()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _go_on(self, _number: int, _frame: FrameType | None) -> None:
        self._set_raw()


def _open_again(fd: int) -> int:
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return fd
