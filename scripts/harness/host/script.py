"""How each script of the project starts and ends: the entry function of all of them.

A status of 0 means that all output was written. Whatever the surroundings do to a script (streams that
are closed, full, or lead to a reader that has left; a full disk; signals that were ignored by whoever
started it) is one line on standard error and a status that says so, never a traceback.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

EXIT_OK = 0
EXIT_FAILURES = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_INTERRUPTED = 130
# Python has no exception of its own for it.
NO_THREAD = "can't start new thread"
STDIN, STDOUT, STDERR = range(3)


class OutputLost(Exception):
    """Standard output does not take what is written to it.

    No OSError: those who handle the faults of their own files are not to take it for one of these.
    """


class _Output(io.RawIOBase):
    """Standard output or error. The first write that fails is told; then nothing more is written."""

    def __init__(self, fd: int, needed: bool) -> None:
        self._fd = fd
        self._needed = needed
        self.fault = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        if self.fault:
            return view.nbytes
        try:
            return os.write(self._fd, view)
        except BlockingIOError:
            os.set_blocking(self._fd, True)
            return os.write(self._fd, view)
        except OSError as error:
            self.fault = str(error.strerror)
            if self._needed:
                raise OutputLost from None
            return view.nbytes


def run_script(main: Callable[[], int]) -> NoReturn:
    """Calls `main` and ends the process with what it returns.

    Status 3, with one line on standard error: the environment was at fault. 130: Ctrl-C. Output that
    is lost turns a status of 0 into 3; any other status says something already.
    """
    _take_signals()
    output = _take_streams()
    status = _status_of(main)
    with contextlib.suppress(OutputLost):
        sys.stdout.flush()
    if output.fault:
        status = status or EXIT_ENVIRONMENT
        _tell(f"standard output: {output.fault}")
    # The streams are empty: nothing is left for the interpreter to fail at.
    sys.exit(status)


def _status_of(main: Callable[[], int]) -> int:
    try:
        return main()
    except SystemExit as end:
        # argparse: the help is written, or the arguments are wrong.
        if isinstance(end.code, str):
            _tell(end.code)
            return 1
        return end.code or 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OutputLost:
        return EXIT_ENVIRONMENT
    except RuntimeError as error:
        if str(error) != NO_THREAD:
            raise
        _tell(f"{error}: too many processes of this user (ulimit -u)")
        return EXIT_ENVIRONMENT
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        _tell(f"{where}{error.strerror or error}")
        return EXIT_ENVIRONMENT


def _tell(text: str) -> None:
    print(f"{Path(sys.argv[0]).stem}: {text}", file=sys.stderr, flush=True)


def _take_signals() -> None:
    """Children are waited for, whatever the parent did with its own. Ignored signals that ask to
    stop (a job of a script in the background, nohup) stay ignored."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _take_streams() -> _Output:
    """Makes all three streams usable. *Returns:* standard output.

    A closed one is opened where nothing can be read from or written to, so that no file of the
    script's own takes its number.
    """
    for fd in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free number is given, which is this one. A closed output is open for reading
            # alone: what is written to it fails as if it were closed.
            os.open(os.devnull, os.O_WRONLY if fd == STDERR else os.O_RDONLY)
            os.set_inheritable(fd, True)
    if sys.stdin is None:
        sys.stdin = open(STDIN, encoding="utf-8", closefd=False)
    output = _Output(STDOUT, needed=True)
    sys.stdout = _text(output, sys.stdout)
    sys.stderr = _text(_Output(STDERR, needed=False), sys.stderr)
    return output


def _text(raw: _Output, before: object) -> io.TextIOWrapper:
    """A stream that writes any text, in the encoding that the environment asks for."""
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = raw.isatty() or raw.fileno() == STDERR
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=lines
    )


def complain(text: str, status: int) -> int:
    """One line of the runner's for the user, on standard error. *Returns:* status."""
    print(f"qemu_runner: {text}", file=sys.stderr, flush=True)
    return status
