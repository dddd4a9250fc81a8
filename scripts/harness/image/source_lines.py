"""File and line of addresses that the kernel prints, from the debug information of its ELF.

The kernel knows its functions, not its source: it prints `0xffffffff80203a9f exception_dispatch+0x5f`.
addr2line, started at the first such line, tells the rest. A line whose function and offset are not
those of the ELF is of another image, and nothing is added to it or to the lines after it.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from harness.image.symbols import sorted_symbols
from harness.machine.project import project

CODE_TYPES = ("STT_FUNC", "STT_NOTYPE")
UNKNOWN = re.compile(r"\?\?|:(\?|0)$")
DISCRIMINATOR = re.compile(r" \(discriminator \d+\)$")
# addr2line has answered when it has answered the question after: address 0, which has no source.
END_OF_ANSWER = re.compile(r"0x0+")

CALL = re.compile(r"(?:#\s)?\s+0x(?P<address>[0-9a-f]+)(?: (?P<name>\S+)\+0x(?P<offset>[0-9a-f]+))?")
EXCEPTION_IN_ONE_LINE = re.compile(r"error code 0x[0-9a-f]+.*[ (](?P<name>[A-Za-z_][\w.]*)\+0x(?P<offset>[0-9a-f]+)")
# What stands before calls. The first call after these is the instruction itself, the others, and
# all after a panic, are return addresses.
EXCEPTION_HEAD, PANIC_HEAD = "EXCEPTION: ", "PANIC: "
CALLS_HEAD, HUNG_HEAD = "backtrace:", "it is at"


class SourceLines:
    """The source of one ELF. Without addr2line or debug information nothing is known."""

    def __init__(self, elf: Path) -> None:
        self._elf = elf
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[int, str] = {}
        self._symbols: list[tuple[int, str]] | None = None

    def __enter__(self) -> SourceLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def at(self, address: int, *, after_call: bool = False) -> str:
        """`file:line`, with the functions that are inlined there, or "".

        after_call: it is a return address, and the call before it is what is asked for.
        """
        address -= after_call
        if address not in self._known:
            self._known[address] = _place(self._ask(address))
        return self._known[address]

    def describe(self, address: int) -> str:
        """`0x12 (name+0x2), file:line`, as far as it is known."""
        name, offset = self.symbol_at(address)
        place = self.at(address)
        function = f" ({name}+{offset:#x})" if name else ""
        return f"{address:#x}{function}" + (f", {place}" if place else "")

    def symbol_at(self, address: int) -> tuple[str, int]:
        """The last name at or before the address, and how far behind it that is; or "" and 0."""
        symbols = self._all_symbols()
        index = bisect_right(symbols, (address, "\U0010ffff")) - 1
        return (symbols[index][1], address - symbols[index][0]) if index >= 0 else ("", 0)

    def addresses_of(self, name: str) -> list[int]:
        return [address for address, known in self._all_symbols() if known == name]

    def _all_symbols(self) -> list[tuple[int, str]]:
        if self._symbols is None:
            self._symbols = sorted_symbols(self._elf, CODE_TYPES)
        return self._symbols

    def _ask(self, address: int) -> list[str]:
        """addr2line's lines on an address: the function and the place of each inlined call."""
        if address <= 0:
            return []
        try:
            if self._process is None:
                self._process = self._start()
            question, answer = self._process.stdin, self._process.stdout
            assert question is not None and answer is not None
            question.write(f"{address:#x}\n0\n")
            question.flush()
            lines: list[str] = []
            while (line := answer.readline()) and not END_OF_ANSWER.fullmatch(line.strip()):
                lines.append(line.strip())
            answer.readline(), answer.readline()
            return lines[1:]
        except OSError:
            return []

    def _start(self) -> subprocess.Popen[str]:
        program = shutil.which("addr2line")
        if program is None:
            raise FileNotFoundError("addr2line")
        return subprocess.Popen(
            [program, "-a", "-f", "-i", "-e", str(self._elf.absolute())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="utf-8", errors="replace", start_new_session=True,
        )

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class CallLines:
    """Tells the source of the calls that stand in the kernel's output, which comes line by line."""

    def __init__(self, source: SourceLines) -> None:
        self._source = source
        self._same_image = True
        self._in_exception = self._in_calls = self._first = False

    def suffix(self, line: str) -> str:
        """What is to be added at the end of this line: the place in the source, or ""."""
        call = CALL.fullmatch(line) if self._in_calls else None
        if call is not None:
            after_call, self._first = not self._first, False
            address = int(call["address"], 16)
            return self._checked(call["name"], call["offset"], [address], after_call)
        words = line.removeprefix("#").strip()
        if words.startswith((EXCEPTION_HEAD, PANIC_HEAD)):
            self._in_exception = words.startswith(EXCEPTION_HEAD)
        is_hung = line.endswith(HUNG_HEAD)
        self._in_calls = words == CALLS_HEAD or is_hung
        self._first = self._in_calls and (self._in_exception or is_hung)
        short = EXCEPTION_IN_ONE_LINE.search(line)
        if short is None:
            return ""
        offset = int(short["offset"], 16)
        places = [start + offset for start in self._source.addresses_of(short["name"])]
        return self._checked(short["name"], short["offset"], places, False)

    def _checked(
        self, name: str | None, offset: str | None, addresses: list[int], after_call: bool
    ) -> str:
        """The place in the source if the ELF has one such address, and it is where the kernel says."""
        if not self._same_image or len(addresses) != 1:
            return ""
        if name is not None and offset is not None:
            start = addresses[0] - int(offset, 16)
            self._same_image = start in self._source.addresses_of(name)
        place = self._source.at(addresses[0], after_call=after_call) if self._same_image else ""
        return f"  {place}" if place else ""


def with_source(lines: Iterable[str], elf: Path) -> dict[str, str]:
    """Of these lines, those that name calls: each with the line to show in its stead."""
    with SourceLines(elf) as source:
        calls = CallLines(source)
        told = {line: calls.suffix(line) for line in lines}
    return {line: line + suffix for line, suffix in told.items() if suffix}


def _place(answer: list[str]) -> str:
    """`file:line`, and for inlined code also in which function and where that was called."""
    frames = [(name, _path(place)) for name, place in zip(answer[::2], answer[1::2])]
    if not frames or any(UNKNOWN.search(place) for _, place in frames):
        return ""
    inlined = [f"{place} ({name})" for name, place in frames[:-1]]
    return ", inlined at ".join((*inlined, frames[-1][1]))


def _path(place: str) -> str:
    """From the root of the project. NASM writes the directory of a file before its whole path."""
    place = posixpath.normpath(DISCRIMINATOR.sub("", place).rpartition("//")[2])
    return place.removeprefix(f"{project().root}/")
