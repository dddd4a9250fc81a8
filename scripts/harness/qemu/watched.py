"""A QEMU that is asked how its machine ended: its events, its exceptions, where its CPU stands.

A machine that resets, shuts itself down or suffers a triple fault stays as it is (-no-shutdown)
until the runner has looked at it.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from harness.qemu.cpu_log import LOG_ARGUMENTS, TAIL_BYTES
from harness.qemu.outcome import Stop
from harness.qemu.process import CHUNK_BYTES, Listener, Qemu

# Why QEMU says that a machine went down: all that the guest can do.
BY_GUEST = ("guest-shutdown", "guest-reset", "guest-panic")
# What makes QEMU keep the machine as it is.
WATCHED = ("-no-shutdown",)
ANSWER_LIMIT_S = 5.0
# In 64-bit mode and outside.
INSTRUCTION_AND_FLAGS = re.compile(r"\b[RE]IP=([0-9a-f]+) [RE]FL=([0-9a-f]+)")

# What a command returned, or None and what is wrong with it.
Answer = Callable[[Any, str], None]


class WatchedQemu(Qemu):
    """A Qemu whose `listen` returns Stop.DOWN when the machine has gone down by the guest's doing.

    down: QEMU's word for why it went down, or "".
    """

    def __init__(
        self,
        command: list[str],
        listener: Listener | None = None,
        *,
        typed: bool = False,
        keep_bytes: int | None = None,
    ) -> None:
        """As for Qemu."""
        self.down = ""
        self._log = bytearray()
        self._answers: list[Answer] = []
        self._received = b""
        self._socket, theirs = socket.socketpair()
        self._log_fd, log_end = os.pipe()
        arguments = [
            *WATCHED, *LOG_ARGUMENTS, "-D", f"/dev/fd/{log_end}",
            "-chardev", f"socket,id=runner,fd={theirs.fileno()}",
            "-mon", "chardev=runner,mode=control",
        ]
        try:
            super().__init__(
                [*command, *arguments], listener, typed=typed, keep_bytes=keep_bytes,
                pass_fds=(theirs.fileno(), log_end),
            )
        except BaseException:
            self._socket.close()
            os.close(self._log_fd)
            raise
        finally:
            theirs.close()
            os.close(log_end)
        self._socket.setblocking(False)
        os.set_blocking(self._log_fd, False)
        self.watch(self._socket.fileno(), self._read_monitor)
        self.watch(self._log_fd, self._read_log)
        self.ask("qmp_capabilities", lambda value, error: None)

    def __enter__(self) -> WatchedQemu:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            self._socket.close()
            os.close(self._log_fd)

    def log(self) -> str:
        """The end of QEMU's log of exceptions, up to what it has written by now."""
        while self.watches(self._log_fd) and self._read_log():
            pass
        return self._log.decode("ascii", errors="replace")

    def ask(self, command: str, answer: Answer, **arguments: object) -> None:
        """Asks QEMU's monitor; `answer` is called while `listen` listens."""
        request = {"execute": command, "arguments": arguments}
        self._answers.append(answer)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except (BlockingIOError, ConnectionError):
            self._answers.pop()
            answer(None, "QEMU's monitor does not listen")

    def ask_human(self, line: str, answer: Answer) -> None:
        """A command of the human monitor, such as `info registers`."""
        self.ask("human-monitor-command", answer, **{"command-line": line})

    def standing(self) -> tuple[int | None, int]:
        """Where the CPU is, and its flags; None if QEMU does not answer."""
        told: list[str] = []
        self.ask_human("info registers", lambda value, error: told.append(value or ""))
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while not told and (left := deadline - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0] or not self._read_monitor():
                break
        found = INSTRUCTION_AND_FLAGS.search(told[0] if told else "")
        return (int(found[1], 16), int(found[2], 16)) if found else (None, 0)

    def _read_monitor(self) -> bool:
        try:
            chunk = self._socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            self.unwatch(self._socket.fileno())
            return False
        *lines, self._received = (self._received + chunk).split(b"\n")
        for line in lines:
            self._take_message(json.loads(line))
        return True

    def _take_message(self, message: dict[str, Any]) -> None:
        if "return" in message:
            self._answers.pop(0)(message["return"], "")
        elif "error" in message:
            self._answers.pop(0)(None, str(message["error"].get("desc", "")))
        elif message.get("event") == "SHUTDOWN" and not self.down:
            self.down = str(message["data"].get("reason", ""))
            if self.down in BY_GUEST:
                self.end_listening(Stop.DOWN)

    def _read_log(self) -> bool:
        try:
            chunk = os.read(self._log_fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self.unwatch(self._log_fd)
            return False
        self._log += chunk
        del self._log[:-TAIL_BYTES]
        return True
