"""Sessions with the kernel's prompt: over a terminal on the serial port, or keyboard and screen."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from types import TracebackType

import pexpect  # type: ignore[import]

from assay.machines import PROFILES
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu

PROMPT = "assay> "
# QEMU's own way to put the serial port on a terminal: Ctrl-C goes to the kernel. Ctrl-T begins a
# command to QEMU, since Ctrl-A, its own choice, goes to the start of a line.
TERMINAL_SERIAL = "mon:stdio"
TERMINAL_ARGUMENTS = ("-echr", "0x14")
# As `help` lists them.
COMMANDS = """help walk translate maps tables layout memmap frames alloc free map unmap protect
split merge read write fetch access cpu claims test bench exit reboot""".split()
LIMIT_S = 20.0
SCREEN = 0xB8000
COLUMNS = 80
ROWS = 25


class Session:
    """The prompt on a terminal. The end of a `with` block ends QEMU."""

    def __init__(self, words: str = "", profile: str = "fast", qmp: Path | None = None) -> None:
        machine = PROFILES[profile]
        extra = (*TERMINAL_ARGUMENTS, *(monitor_arguments(qmp) if qmp else ()))
        image = image_to_boot(machine, "assay")
        command = command_line(machine, image, words, serial=TERMINAL_SERIAL, extra=extra)
        self.child = spawn(command)
        expect_prompt(self.child)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.child.close(force=True)

    def ask(self, line: str) -> list[str]:
        """Enters a line and returns the lines of the answer."""
        self.child.send(f"{line}\r")
        return self.answer()

    def answer(self) -> list[str]:
        """What comes up to the next prompt, without the line that was entered."""
        return expect_prompt(self.child)[1:]

    def one(self, line: str) -> str:
        """The answer, which has one line."""
        lines = self.ask(line)
        assert len(lines) == 1, lines
        return lines[0]

    def end(self) -> int:
        """Waits for QEMU's end and returns its status."""
        return expect_end(self.child)


def _as_at_a_terminal() -> None:
    """Whoever started the tests may ignore these, as nohup does and a shell for `command &`."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def spawn(command: list[str]) -> pexpect.spawn:
    """A program on a terminal of its own, which sends and receives at once."""
    child = pexpect.spawn(
        command[0], command[1:], encoding="utf-8", timeout=LIMIT_S, preexec_fn=_as_at_a_terminal)
    child.delaybeforesend = None
    child.delayafterclose = None
    child.delayafterterminate = None
    return child


def expect_prompt(child: pexpect.spawn) -> list[str]:
    """Waits for a prompt where a line begins. Returns the lines before it, the typed one first.

    The terminal puts a carriage return before each line feed, as the kernel does already.
    """
    child.expect(f"\r+\n{PROMPT}")
    assert child.before is not None
    return re.split("\r+\n", child.before)


def expect_end(child: pexpect.spawn) -> int:
    """Waits until the program has ended and returns its exit status."""
    child.expect_exact(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None, f"ended by signal {child.signalstatus}"
    return int(child.exitstatus)


def press(monitor: Monitor, *keys: str) -> None:
    """Presses keys of QEMU's keyboard, in this order, and releases them in the opposite one."""
    events = [(key, True) for key in keys] + [(key, False) for key in reversed(keys)]
    monitor.execute(
        "input-send-event",
        events=[
            {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}
            for key, down in events
        ],
    )


class Screen:
    """The prompt on a machine with a VGA screen and a keyboard, whose serial input has ended."""

    def __init__(self, directory: Path) -> None:
        profile = PROFILES["pvh"]
        socket = directory / "qmp"
        self._memory = directory / "screen"
        image = image_to_boot(profile, "assay")
        command = command_line(profile, image, extra=monitor_arguments(socket))
        self.qemu = Qemu(command)
        assert self.qemu.read_until(PROMPT, LIMIT_S), self.qemu.progress()
        self.monitor = Monitor(socket)

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.monitor.__exit__(kind, error, trace)
        self.qemu.__exit__(kind, error, trace)

    def rows(self) -> list[str]:
        """The text on the screen, read from the guest's memory."""
        self.monitor.execute(
            "pmemsave", val=SCREEN, size=COLUMNS * ROWS * 2, filename=str(self._memory)
        )
        characters = self._memory.read_bytes()[::2].decode("cp437")
        return [characters[i : i + COLUMNS].rstrip() for i in range(0, COLUMNS * ROWS, COLUMNS)]

    def wait_for(self, row: str) -> list[str]:
        """Waits until the last row that is not empty is `row`. Returns the screen."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            rows = self.rows()
            if [text for text in rows if text][-1] == row.rstrip():
                return rows
            assert time.monotonic() < deadline, f"{row!r} is not the last of {rows}"
            time.sleep(0.01)

    def press(self, *keys: str) -> None:
        press(self.monitor, *keys)

    def type(self, text: str) -> None:
        """Types characters at the end of an empty line, as fast as they appear."""
        names = {" ": ("spc",), "_": ("shift", "minus"), "+": ("shift", "equal")}
        for count, character in enumerate(text, 1):
            name = ("shift", character.lower()) if character.isupper() else (character,)
            self.press(*names.get(character, name))
            if count % 4 == 0 or count == len(text):
                self.wait_for(f"{PROMPT}{text[:count]}")
