"""The kernel's output on its way to the user: calls get their source, the first prompt a hint.

Everything is passed on as it comes, but for what may turn out to be the end of a line or a prompt.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.host.text import text_lines
from harness.image.source_lines import CallLines
from harness.machine.project import project

# Longer lines get nothing added.
LINE_BYTES = 512
NEWLINE = b"\n"
RETURN = b"\r"


class KernelOutput:
    """Takes serial output in any pieces."""

    def __init__(self, write: Callable[[bytes], None], calls: CallLines, hint: str = "") -> None:
        """write: where it goes. hint: a line that is to stand before the first prompt."""
        self._write = write
        self._calls = calls
        self._hint = hint
        self._prompt = project().prompt.text.encode()
        self._line = b""
        self._passed_bytes = 0

    def take(self, chunk: bytes) -> None:
        out = bytearray()
        *ended, rest = chunk.split(NEWLINE)
        for part in ended:
            out += self._end_of_line(part)
        self._line += rest
        out += self._beginning_of_line()
        if out:
            self._write(bytes(out))

    def finish(self) -> None:
        """Passes on what is left of a line that has no end."""
        if self._line[self._passed_bytes :]:
            self._write(self._line[self._passed_bytes :])
        self._line, self._passed_bytes = b"", 0

    def _end_of_line(self, part: bytes) -> bytes:
        line, passed = self._line + part, self._passed_bytes
        self._line, self._passed_bytes = b"", 0
        text = line.rstrip(RETURN)
        hint = self._hint_before(line, passed)
        suffix = ""
        if len(line) <= LINE_BYTES:
            suffix = self._calls.suffix("".join(text_lines(text)))
        return hint + text[passed:] + suffix.encode() + line[max(len(text), passed) :] + NEWLINE

    def _beginning_of_line(self) -> bytes:
        """What can be passed on of the line that has not ended."""
        prompt, line = self._prompt, self._line
        if self._hint and len(line) < len(prompt) and prompt.startswith(line):
            return b""
        hint = self._hint_before(self._line, self._passed_bytes)
        if len(self._line) > LINE_BYTES:
            # Too long for anything to be added: only its length counts.
            out, self._line = self._line[self._passed_bytes :], self._line[: LINE_BYTES + 1]
            self._passed_bytes = len(self._line)
            return hint + out
        out = self._line.rstrip(RETURN)[self._passed_bytes :]
        self._passed_bytes += len(out)
        return hint + out

    def _hint_before(self, line: bytes, passed_bytes: int) -> bytes:
        if not self._hint or passed_bytes or not line.startswith(self._prompt):
            return b""
        hint, self._hint = self._hint, ""
        return f"{hint}\r\n".encode()
