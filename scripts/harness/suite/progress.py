"""What a person sees while many boots run: a status line on a terminal, else a line for each."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TextIO

from harness.verdict.verdict import Verdict

CLEAR = "\r\x1b[K"


class Progress:
    """Called from the threads that boot (`begin`) and from the one that gathers (`end`)."""

    def __init__(self, total: int, verbose: bool = False, out: TextIO | None = None) -> None:
        self._out = sys.stdout if out is None else out
        self._live = self._out.isatty()
        self._verbose = verbose or not self._live
        self._total = total
        self._done = 0
        self._red = 0
        self._running: list[str] = []
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def begin(self, label: str) -> None:
        with self._lock:
            self._running.append(label)
            self._draw()

    def end(self, label: str, verdict: Verdict) -> None:
        """A red verdict is printed in full, a green one as one line (on a terminal: if verbose)."""
        with self._lock:
            if label in self._running:
                self._running.remove(label)
            self._done += 1
            self._red += not verdict.green
            took = f"{verdict.outcome.seconds * 1000:.0f} ms"
            if not verdict.green:
                self._line(f"FAIL  {label} ({took})\n{verdict.message}\n")
            elif self._verbose:
                self._line(f"ok    {label} ({verdict.reason}; {took})")
            self._draw()

    def note(self, text: str) -> None:
        """A line of its own."""
        with self._lock:
            self._line(text)
            self._draw()

    def finish(self) -> None:
        """Takes the status line away."""
        with self._lock:
            if self._live:
                self._out.write(CLEAR)
                self._out.flush()

    def _line(self, text: str) -> None:
        self._out.write(f"{CLEAR if self._live else ''}{text}\n")
        self._out.flush()

    def _draw(self) -> None:
        if not self._live:
            return
        seconds = time.monotonic() - self._started
        text = f"[{self._done}/{self._total}] {self._red} red, {seconds:.0f} s"
        if self._running:
            text += f": {', '.join(self._running)}"
        columns = shutil.get_terminal_size().columns
        self._out.write(CLEAR + text[: columns - 1])
        self._out.flush()
