"""The normal image for people: the runner's command `run`.

On a terminal it is the runner that reads the keys and hands them to QEMU, so that Ctrl-T X leaves
whether or not the guest takes any input.
"""

from __future__ import annotations

import math
import selectors
import sys
from pathlib import Path

from harness.host.script import EXIT_INTERRUPTED, EXIT_OK, complain
from harness.image.source_lines import CallLines, SourceLines
from harness.machine.profile import TCG, Profile
from harness.qemu.outcome import Outcome, Stop
from harness.qemu.watched import WatchedQemu
from harness.terminal.ending import Machine, tell
from harness.terminal.escape_keys import HELP, LEAVE_HINT, Command, EscapeKeys
from harness.terminal.kernel_output import KernelOutput
from harness.terminal.terminal import Terminal, is_attended

# Of the serial output, what is kept to tell how the kernel ended.
KEEP_BYTES = 1 << 16
# What was typed and not taken. More is a paste into a kernel that does not read.
TYPED_BYTES_MAX = 1 << 20
# Output that the terminal has not taken; then the guest waits.
UNSHOWN_BYTES_MAX = 1 << 16
BELL = b"\a"
MONITOR_PROMPT = "(qemu) "
ERASE = (0x08, 0x7F)
CANCEL = (0x03, 0x04, 0x1B)


def run_kernel(command: list[str], profile: Profile, elf: Path, limit_s: float) -> int:
    """Boots it and tells how it ended. *Returns:* the runner's exit code.

    On a terminal until the user leaves or the kernel ends, else for `limit_s` at most.
    """
    attended = is_attended()
    with SourceLines(elf) as source:
        try:
            run = _on_terminal if attended else _alone
            outcome, machine = run(command, CallLines(source), limit_s)
        except EOFError:
            return EXIT_INTERRUPTED
        except FileNotFoundError as error:
            outcome, machine = Outcome(Stop.MISSING, None, b"", str(error)), Machine()
        if profile.runs_on != TCG:
            machine = Machine(machine.down, None, machine.rip, machine.rflags)
        end = tell(outcome, machine, source.describe, attended)
    if not end.text:
        sys.stderr.write(outcome.stderr)  # warnings
        return end.status
    if end.status == EXIT_OK:
        print(end.text, flush=True)
        return EXIT_OK
    return complain(end.text, end.status)


def _alone(command: list[str], calls: CallLines, limit_s: float) -> tuple[Outcome, Machine]:
    output = KernelOutput(_write_out, calls)
    with WatchedQemu(command, output.take) as qemu:
        stop = qemu.listen(limit_s, limit_s)
        output.finish()
        return _look(qemu, stop)


def _on_terminal(command: list[str], calls: CallLines, _limit_s: float) -> tuple[Outcome, Machine]:
    print(LEAVE_HINT, flush=True)
    with Terminal() as terminal:
        terminal.make_raw()
        return Session(terminal, calls).run(command)


def _look(qemu: WatchedQemu, stop: Stop) -> tuple[Outcome, Machine]:
    """What is known at the end; QEMU is gone then."""
    is_there = stop not in (Stop.EXITED, Stop.LEFT)
    rip, rflags = qemu.standing() if is_there else (None, 0)
    return qemu.outcome(stop), Machine(qemu.down, qemu.log(), rip, rflags)


def _write_out(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


class Session:
    """The terminal and the kernel: keys to the guest or to the runner, output to the terminal."""

    def __init__(self, terminal: Terminal, calls: CallLines) -> None:
        self._terminal = terminal
        self._keys = EscapeKeys()
        self._output = KernelOutput(self._show, calls, LEAVE_HINT)
        self._question: bytearray | None = None
        self._qemu: WatchedQemu

    def run(self, command: list[str]) -> tuple[Outcome, Machine]:
        """Until the kernel ends or the user leaves. Raises EOFError when the terminal is gone."""
        listener = self._output.take
        with WatchedQemu(command, listener, typed=True, keep_bytes=KEEP_BYTES) as self._qemu:
            self._qemu.watch(self._terminal.input, self._read, to_the_end=False)
            stop = self._qemu.listen(math.inf, math.inf)
            self._output.finish()
            return _look(self._qemu, stop)

    def _show(self, text: bytes) -> None:
        self._terminal.write(text)
        self._keep_up()

    def _show_more(self) -> bool:
        self._terminal.write_more()
        self._keep_up()
        return True

    def _keep_up(self) -> None:
        """Waits for a terminal that is slow, and lets the guest wait if it is very slow."""
        fd, unshown_bytes = self._terminal.output, self._terminal.unshown_bytes
        if unshown_bytes and not self._qemu.watches(fd):
            self._qemu.watch(fd, self._show_more, selectors.EVENT_WRITE)
        elif not unshown_bytes and self._qemu.watches(fd):
            self._qemu.unwatch(fd)
        self._qemu.hold_output(unshown_bytes > UNSHOWN_BYTES_MAX)

    def _read(self) -> bool:
        typed = self._terminal.read()
        for part in self._keys.feed(typed or b""):
            if part is Command.LEAVE:
                self._show(b"\r\n")
                self._qemu.end_listening(Stop.LEFT)
                break
            elif part is Command.MONITOR:
                self._begin_question()
            elif part is Command.HELP:
                self._show(f"\r\n{HELP}\n".encode())
            elif isinstance(part, Command):
                self._show(BELL)
            elif self._question is not None:
                self._edit_question(self._question, part)
            elif self._qemu.untaken_bytes + len(part) > TYPED_BYTES_MAX:
                self._show(BELL)
            else:
                self._qemu.type(part)
        return typed is not None

    def _begin_question(self) -> None:
        self._question = bytearray()
        self._show(f"\r\n{MONITOR_PROMPT}".encode())

    def _edit_question(self, question: bytearray, typed: bytes) -> None:
        """A line for QEMU's monitor, without any editing but to erase."""
        for index, byte in enumerate(typed):
            if byte in CANCEL or byte in b"\r\n":
                self._question = None
                self._show(b"\r\n")
                if byte in CANCEL:
                    return  # with what follows: an arrow key is several bytes
                if question:
                    line = question.decode(errors="replace")
                    self._qemu.ask_human(line, self._show_answer)
                self._qemu.type(typed[index + 1 :])
                return
            if byte in ERASE:
                self._show(b"\b \b" if question else BELL)
                del question[-1:]
            elif byte >= ord(" "):
                question.append(byte)
                self._show(bytes([byte]))

    def _show_answer(self, value: object, error: str) -> None:
        self._show((error or str(value)).rstrip().replace("\r", "").encode() + b"\n")
