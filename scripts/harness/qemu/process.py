"""One QEMU process: started, listened to without polling, and never left behind.

harness.qemu.boot runs a machine to its end. `Qemu` and `Monitor` are for those who talk to it on the
way. If QEMU ends while they do, QemuEnded tells how, in QEMU's own words.
"""

from __future__ import annotations

import functools
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO

from harness.host.text import text_lines
from harness.qemu.connection import AnswerError
from harness.qemu.outcome import Outcome, Stop

# Far more than any suite reports, and what an emulated port takes some seconds to say.
FLOOD_BYTES = 1 << 20
# After these words QEMU keeps a machine that will never run again.
LAST_WORDS = b"KVM internal error"
CHUNK_BYTES = 1 << 16
# How long QEMU may take to end once a connection to it is lost.
END_S = 2.0
SOON_S = 0.2
# Of QEMU's messages, the last so many lines are told.
WORDS_LINES = 3
# The selector cannot wait for ever.
SELECT_S = 3600.0

Listener = Callable[[bytes], None]
# Takes what a file descriptor has. False: there was nothing.
Reader = Callable[[], bool]

_lock = threading.Lock()
_running: set["Qemu"] = set()
_stopping = False


class Interrupted(Exception):
    """`stop_everything` was called: no QEMU may start any more."""


class QemuEnded(ConnectionError):
    """QEMU ended, or did not start, while something was asked of it. Its own words say why."""


def stop_everything() -> None:
    """Kills each QEMU that this process started, from whatever thread, and lets no other start."""
    global _stopping
    with _lock:
        _stopping = True
        for qemu in _running:
            qemu.kill()


def is_stopping() -> bool:
    """Whether `stop_everything` was called."""
    return _stopping


def running() -> tuple[int, ...]:
    """The process ids of the QEMUs that this process has started and that have not been reaped."""
    with _lock:
        return tuple(qemu.pid for qemu in _running)


class Qemu:
    """A running QEMU whose serial port is its standard output. The end of a `with` block kills it.

    Should this process be killed outright, the host kills QEMU too (setpriv --pdeathsig).
    """

    def __init__(
        self,
        command: list[str],
        listener: Listener | None = None,
        *,
        typed: bool = False,
        pass_fds: Sequence[int] = (),
        keep_bytes: int | None = None,
    ) -> None:
        """listener: called with each chunk of serial output as it comes.

        typed: the serial port has input, by `type`. pass_fds: open in QEMU, too. keep_bytes: how
        much of the serial output is kept of a QEMU that may say any amount; None: all, and too
        much of it is a flood. Raises FileNotFoundError without QEMU, Interrupted after
        `stop_everything`.
        """
        if shutil.which(command[0]) is None:
            raise FileNotFoundError(f"{command[0]} is missing (Debian package qemu-system-x86)")
        guard = shutil.which("setpriv")
        prefix = [guard, "--pdeathsig", "KILL"] if guard else []
        self.command = tuple(command)
        self.serial = bytearray()
        self.stderr = bytearray()
        self._listener = listener
        self._keep_bytes = keep_bytes
        self._typed = bytearray()
        self._drained: set[int] = set()
        self._requested: Stop | None = None
        self._started = self._heard = time.monotonic()
        self._selector = selectors.DefaultSelector()
        with _lock:
            if _stopping:
                raise Interrupted
            self._process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
            _running.add(self)
        for pipe, buffer in zip(self._pipes(), (self.serial, self.stderr)):
            os.set_blocking(pipe.fileno(), False)
            self.watch(pipe.fileno(), functools.partial(self._read, pipe.fileno(), buffer))
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        self._exit_fd = os.pidfd_open(self._process.pid)
        self._selector.register(self._exit_fd, selectors.EVENT_READ)

    def __enter__(self) -> Qemu:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._explain(error)
        finally:
            self.kill()
            self._process.wait()
            with _lock:
                _running.discard(self)
            os.close(self._exit_fd)
            self._selector.close()
            for pipe in (*self._pipes(), self._process.stdin):
                if pipe is not None:
                    pipe.close()

    def _explain(self, error: BaseException | None) -> None:
        """Raises QemuEnded instead of an error that says only that a connection is lost, or not
        there, or gave a wrong answer, if that is because QEMU has ended."""
        if isinstance(error, BrokenPipeError):
            return  # of our own output: those who talk to QEMU raise another one
        is_lost = isinstance(error, (ConnectionError, FileNotFoundError))
        if is_lost or isinstance(error, AnswerError):
            self._listener = None
            limit_s = END_S if is_lost else SOON_S
            if self.listen(limit_s, limit_s) is Stop.EXITED:
                raise QemuEnded(self.last_words()) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def last_words(self) -> str:
        """How QEMU ended, or that it runs, with the end of its messages: one line."""
        said = self.stderr.decode(errors="replace").strip().splitlines()[-WORDS_LINES:]
        status = self._process.poll()
        how = "QEMU runs" if status is None else f"QEMU ended with status {status}"
        return f"{how}: {'; '.join(said)}" if said else how

    def progress(self) -> str:
        """How far the machine has come: the last line of the serial log, and QEMU's last words if
        it has any or has ended."""
        lines = text_lines(bytes(self.serial))
        came = f"the last line is: {lines[-1]}" if lines else "there is no serial output"
        is_quiet = self._process.poll() is None and not self.stderr
        return came if is_quiet else f"{came}; {self.last_words()}"

    def kill(self) -> None:
        """SIGKILL to QEMU's process group, unless QEMU has ended."""
        if self._process.returncode is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def watch(
        self, fd: int, reader: Reader, event: int = selectors.EVENT_READ, *, to_the_end: bool = True
    ) -> None:
        """Calls `reader` whenever the descriptor can be read, while `listen` listens.

        event: or can be written. to_the_end: when QEMU has ended, what is left is read.
        """
        self._selector.register(fd, event, reader)
        if to_the_end and event == selectors.EVENT_READ:
            self._drained.add(fd)

    def unwatch(self, fd: int) -> None:
        """Ends that, if it had begun."""
        if self.watches(fd):
            self._selector.unregister(fd)
        self._drained.discard(fd)

    def watches(self, fd: int) -> bool:
        return fd in self._selector.get_map()

    def hold_output(self, held: bool) -> None:
        """Whether serial output is left in its pipe: then the guest waits at some time."""
        fd = self._pipes()[0].fileno()
        if held and self.watches(fd):
            self.unwatch(fd)
        elif not held and not self.watches(fd):
            self.watch(fd, functools.partial(self._read, fd, self.serial))

    def type(self, text: bytes) -> None:
        """Gives the serial port input, which QEMU takes as fast as the guest does."""
        assert self._process.stdin is not None
        waiting = bool(self._typed)
        self._typed += text
        if not waiting:
            self._send()

    @property
    def untaken_bytes(self) -> int:
        """How much of what was typed QEMU has not taken."""
        return len(self._typed)

    def end_listening(self, stop: Stop) -> None:
        """For readers: `listen` ends at once, and returns `stop` if QEMU runs."""
        self._requested = stop

    def listen(self, limit_s: float, silence_s: float, until: bytes | None = None) -> Stop:
        """Gathers output until QEMU ends, `until` is in the serial log, or a limit is passed.

        limit_s: in all. silence_s: without any output.
        """
        self._heard = time.monotonic()
        deadline = self._heard + limit_s
        searched = 0
        while True:
            if until is not None:
                if self.serial.find(until, max(0, searched - len(until))) >= 0:
                    return Stop.FOUND
                searched = len(self.serial)
            if self._keep_bytes is None and len(self.serial) + len(self.stderr) > FLOOD_BYTES:
                return Stop.FLOOD
            if LAST_WORDS in self.stderr:
                return Stop.GAVE_UP
            now = time.monotonic()
            wait = min(deadline, self._heard + silence_s) - now
            if wait <= 0:
                return Stop.SILENCE if now >= self._heard + silence_s else Stop.LIMIT
            ended = False
            for key, _ in self._selector.select(min(wait, SELECT_S)):
                if key.fd == self._exit_fd:
                    ended = True
                else:
                    key.data()
            if self._requested is not None and not ended:
                stop, self._requested = self._requested, None
                return stop
            if ended:
                self._drain()
                self._process.wait()
                if until is not None and until in self.serial:
                    return Stop.FOUND
                return Stop.EXITED

    def read_until(self, text: str, limit_s: float) -> bool:
        """Listens until `text` is in the serial log. False: QEMU ended first, or time is over."""
        return self.listen(limit_s, limit_s, text.encode()) is Stop.FOUND

    def outcome(self, stop: Stop) -> Outcome:
        """What is known by now. QEMU is killed first unless it has ended."""
        quiet_s = time.monotonic() - self._heard
        self.kill()
        self._process.wait()
        return Outcome(
            stop,
            self._process.returncode if stop is Stop.EXITED else None,
            bytes(self.serial),
            self.stderr.decode(errors="replace"),
            time.monotonic() - self._started,
            quiet_s,
            self.command,
        )

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """QEMU's standard output, which is its serial port, and its standard error."""
        assert self._process.stdout is not None and self._process.stderr is not None
        return self._process.stdout, self._process.stderr

    def _read(self, fd: int, buffer: bytearray) -> bool:
        """Takes one chunk. False: nothing there, or the pipe's end; its listening ends then."""
        try:
            chunk = os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self.unwatch(fd)
            return False
        self._heard = time.monotonic()
        buffer += chunk
        if self._keep_bytes is not None:
            del buffer[: -self._keep_bytes]
        if buffer is self.serial and self._listener is not None:
            self._listener(chunk)
        return True

    def _send(self) -> bool:
        """Gives QEMU what was typed, as much as it takes."""
        pipe = self._process.stdin
        assert pipe is not None
        try:
            del self._typed[: os.write(pipe.fileno(), self._typed)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._typed.clear()
        if bool(self._typed) != self.watches(pipe.fileno()):
            if self._typed:
                self.watch(pipe.fileno(), self._send, selectors.EVENT_WRITE)
            else:
                self.unwatch(pipe.fileno())
        return True

    def _drain(self) -> None:
        """Takes what QEMU wrote before it ended."""
        self.hold_output(False)
        readers: list[Reader] = [self._selector.get_key(fd).data for fd in self._drained]
        for reader in readers:
            while reader():
                pass
