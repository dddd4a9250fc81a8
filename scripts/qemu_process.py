"""One QEMU process: started, listened to without polling, and never left behind.

`boot` runs a machine to its end. `Qemu` and `Monitor` are for those who talk to it on the way.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from verdict import Outcome, Stop

# Far more than any suite reports, and what an emulated port takes some seconds to say.
FLOOD_BYTES = 1 << 20
# After these words QEMU keeps a machine that will never run again.
LAST_WORDS = b"KVM internal error"
CHUNK_BYTES = 1 << 16
MONITOR_LIMIT_S = 20.0

Listener = Callable[[bytes], None]

_lock = threading.Lock()
_running: set["Qemu"] = set()
_stopping = False


class Interrupted(Exception):
    """`stop_everything` was called: no QEMU may start any more."""


def stop_everything() -> None:
    """Kills each QEMU that this process started, from whatever thread, and lets no other start."""
    global _stopping
    with _lock:
        _stopping = True
        for qemu in _running:
            qemu.kill()


def running() -> tuple[int, ...]:
    """The process ids of the QEMUs that this process has started and that have not been reaped."""
    with _lock:
        return tuple(qemu.pid for qemu in _running)


class Qemu:
    """A running QEMU whose serial port is its standard output. The end of a `with` block kills it.

    Should this process be killed outright, the host kills QEMU too (setpriv --pdeathsig).
    """

    def __init__(self, command: list[str], listener: Listener | None = None) -> None:
        """listener: called with each chunk of serial output as it comes.

        Raises FileNotFoundError without QEMU, Interrupted after `stop_everything`.
        """
        if shutil.which(command[0]) is None:
            raise FileNotFoundError(f"{command[0]} is missing (Debian package qemu-system-x86)")
        guard = shutil.which("setpriv")
        prefix = [guard, "--pdeathsig", "KILL"] if guard else []
        self.command = tuple(command)
        self.serial = bytearray()
        self.stderr = bytearray()
        self._listener = listener
        self._started = self._heard = time.monotonic()
        self._selector = selectors.DefaultSelector()
        with _lock:
            if _stopping:
                raise Interrupted
            self._process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            _running.add(self)
        for pipe, buffer in zip(self._pipes(), (self.serial, self.stderr)):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe.fileno(), selectors.EVENT_READ, buffer)
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
        self.kill()
        self._process.wait()
        with _lock:
            _running.discard(self)
        os.close(self._exit_fd)
        self._selector.close()
        for pipe in self._pipes():
            pipe.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL to QEMU's process group, unless QEMU has ended."""
        if self._process.returncode is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

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
            if len(self.serial) + len(self.stderr) > FLOOD_BYTES:
                return Stop.FLOOD
            if LAST_WORDS in self.stderr:
                return Stop.GAVE_UP
            now = time.monotonic()
            wait = min(deadline, self._heard + silence_s) - now
            if wait <= 0:
                return Stop.SILENCE if now >= self._heard + silence_s else Stop.LIMIT
            ended = False
            for key, _ in self._selector.select(wait):
                if key.fd == self._exit_fd:
                    ended = True
                elif self._read(key.fd, key.data):
                    self._heard = time.monotonic()
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
            self._selector.unregister(fd)
            return False
        buffer += chunk
        if buffer is self.serial and self._listener is not None:
            self._listener(chunk)
        return True

    def _drain(self) -> None:
        """Takes what QEMU wrote before it ended."""
        for key in list(self._selector.get_map().values()):
            while key.fd != self._exit_fd and self._read(key.fd, key.data):
                pass


def boot(
    command: list[str],
    limit_s: float,
    silence_s: float | None = None,
    listener: Listener | None = None,
    *,
    start: bytes | None = None,
    start_s: float = 0.0,
) -> Outcome:
    """Runs QEMU to its end, or kills it at a limit, in all or (silence_s) without any output.

    start: text up to which start_s is the limit instead; the others begin with it. Raises
    Interrupted when `stop_everything` was called: what became of QEMU then means nothing.
    """
    silence_s = limit_s if silence_s is None else silence_s
    try:
        with Qemu(command, listener) as qemu:
            stop = Stop.FOUND if start is None else qemu.listen(start_s, start_s, start)
            if stop is Stop.FOUND:
                stop = qemu.listen(limit_s, silence_s)
            outcome = qemu.outcome(stop)
    except FileNotFoundError as error:
        return Outcome(Stop.MISSING, None, b"", str(error), command=tuple(command))
    if _stopping:
        raise Interrupted
    return outcome


class MonitorError(Exception):
    """QEMU's monitor refused a command or did not answer."""


class Monitor:
    """QEMU's machine protocol (QMP), on a unix socket made known by `monitor_arguments`."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(MONITOR_LIMIT_S)
        self._socket.connect(str(path))
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
        self._file.close()
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """The command's return value. Raises MonitorError when QEMU reports an error."""
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        return self._receive("return")

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
            pass
        raise MonitorError("QEMU's monitor did not answer")


def monitor_arguments(path: Path) -> tuple[str, ...]:
    """The QEMU arguments for a Monitor on the socket `path`."""
    return ("-qmp", f"unix:{path},server=on,wait=off")
