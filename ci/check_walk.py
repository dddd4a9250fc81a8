#!/usr/bin/env python3
"""Checks that the linear walk is compiled without a call in it.

usage: ci/check_walk.py COMPILER FLAG...

Run from the root of the project, with the compiler and the flags that the kernel is built with. The
walk, and the operations that are called most, are compiled for a table that is known to be
accessed linearly, so that only what linear access does is left. Then the machine code is looked at:
the walk itself may not contain a call; the operations may, to build tables and to report errors,
but not in a loop. Prints one line per violation and exits 1 if there is any, 2 if it cannot tell.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402


@dataclass(frozen=True)
class Probe:
    """A function into which something of the library is compiled, for linear access alone."""

    function: str
    include: str
    returns: str
    parameters: str
    call: str
    may_call: bool  # outside of loops

    def source(self) -> str:
        return (
            f'#include "{self.include}"\n'
            f"{self.returns} {self.function}({self.parameters});\n"
            f"__attribute__((flatten)) {self.returns} {self.function}({self.parameters})\n"
            "{ if (table->access.kind != ACCESS_LINEAR) __builtin_unreachable();\n"
            f"  return {self.call}; }}\n"
        )


TABLE = "const struct page_table *table, virt_addr page"

PROBES = (
    Probe(
        "linear_walk",
        "mm/walk.h",
        "struct walk",
        f"{TABLE}, unsigned level",
        "walk_to(ACCESS_LINEAR, table, page, level)",
        may_call=False,
    ),
    Probe(
        "linear_translate",
        "mm/translate.c",
        "struct translation",
        TABLE,
        "page_table_translate(table, page)",
        may_call=True,
    ),
    Probe(
        "linear_map_to",
        "mm/map.c",
        "struct map_outcome",
        f"{TABLE}, phys_addr frame, page_flags flags, struct frame_source *frames",
        "page_table_map_to(table, page, frame, PAGE_4K, flags, frames)",
        may_call=True,
    ),
)

FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>[^>]+)>:$")
# With objdump -w a relocation stands behind its instruction.
RELOCATION = re.compile(r"\s+[0-9a-f]+: R_X86_64_\S+\s+(?P<symbol>\S+?)(?:[-+]0x[0-9a-f]+)?$")
INSTRUCTION = re.compile(r"^\s+(?P<address>[0-9a-f]+):\s+(?P<text>\S.*)$")
PREFIX = re.compile(r"^(?:(?:notrack|bnd|cs|ds|rep|repz|repnz|lock)\s+)+")
TARGET = re.compile(r"^(?P<address>[0-9a-f]+) <")
ENDS = ("jmp", "ret", "ud2", "hlt")


class CannotTell(Exception):
    """The check cannot be made. One line says why."""


@dataclass(frozen=True)
class Instruction:
    address: int
    text: str
    symbol: str  # what its relocation names

    @property
    def words(self) -> tuple[str, str]:
        """The mnemonic and the operands."""
        mnemonic, _, operands = PREFIX.sub("", self.text).partition(" ")
        return mnemonic, operands.strip()

    @property
    def jumps(self) -> bool:
        return self.text.startswith("j")

    @property
    def target(self) -> int | None:
        """Where a jump inside the section goes."""
        match = TARGET.match(self.words[1])
        return int(match["address"], 16) if match and not self.symbol else None


class Function:
    def __init__(self, name: str) -> None:
        self.name = name
        self.code: dict[int, Instruction] = {}
        self.following: dict[int, int] = {}  # the address behind each but the last

    def add(self, instruction: Instruction) -> None:
        if self.code:
            self.following[next(reversed(self.code))] = instruction.address
        self.code[instruction.address] = instruction

    def is_call(self, instruction: Instruction) -> bool:
        """A call, or a jump to another function. What is moved out of the way is none."""
        if instruction.jumps:
            moved = instruction.symbol.startswith((".text", f"{self.name}.cold"))
            return instruction.target not in self.code and not moved
        return instruction.words[0].startswith("call")

    def successors(self, instruction: Instruction) -> Iterator[int]:
        if instruction.target is not None and instruction.target in self.code:
            yield instruction.target
        if instruction.words[0] not in ENDS and instruction.address in self.following:
            yield self.following[instruction.address]

    def is_in_loop(self, instruction: Instruction) -> bool:
        """True when the instruction can come again after it was run."""
        seen: set[int] = set()
        waiting = list(self.successors(instruction))
        while waiting:
            address = waiting.pop()
            if address == instruction.address:
                return True
            if address not in seen:
                seen.add(address)
                waiting.extend(self.successors(self.code[address]))
        return False


def disassemble(compiled: Path) -> dict[str, Function]:
    """The functions of an object file, by name."""
    functions: dict[str, Function] = {}
    function = Function("")
    for line in run(["objdump", "-drw", "--no-show-raw-insn", str(compiled)]).splitlines():
        if match := FUNCTION.match(line):
            function = functions[match["name"]] = Function(match["name"])
        elif match := INSTRUCTION.match(line):
            relocation = RELOCATION.search(match["text"])
            text = RELOCATION.sub("", match["text"]).partition("#")[0].strip()
            symbol = relocation["symbol"] if relocation else ""
            function.add(Instruction(int(match["address"], 16), text, symbol))
    return functions


def run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotTell(f"there is no {command[0]}; run scripts/setup.sh") from None
    if done.returncode != 0:
        raise CannotTell(f"{command[0]} failed:\n{done.stderr.strip()}")
    return done.stdout


def violations(probe: Probe, function: Function) -> Iterator[str]:
    for instruction in function.code.values():
        mnemonic, operands = instruction.words
        if instruction.jumps and "*" in operands:
            raise CannotTell(f"{function.name}: cannot follow `{instruction.text}`")
        if not function.is_call(instruction):
            continue
        if not probe.may_call:
            why = "a call in the linear walk"
        elif function.is_in_loop(instruction):
            why = "a call in a loop of the linear walk"
        else:
            continue
        offset = instruction.address - min(function.code)
        what = f"{mnemonic} {instruction.symbol or operands}"
        yield f"{function.name}+{offset:#x}: `{what}` is {why}; have the compiler inline it"


def check(probe: Probe, command: list[str], directory: Path) -> list[str]:
    source = directory / f"{probe.function}.c"
    compiled = directory / f"{probe.function}.o"
    source.write_text(probe.source(), encoding="utf-8")
    run([*command, "-c", str(source), "-o", str(compiled)])
    function = disassemble(compiled).get(probe.function)
    if function is None or not function.code:
        raise CannotTell(f"{command[0]} has made no code of {probe.function}")
    return list(violations(probe, function))


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    try:
        with tempfile.TemporaryDirectory() as directory:
            found = [
                violation
                for probe in PROBES
                for violation in check(probe, arguments, Path(directory))
            ]
    except CannotTell as fault:
        print(f"check_walk: error: {fault}", file=sys.stderr)
        return 2
    for violation in found:
        print(violation)
    print(f"check_walk: {arguments[0]}: {len(found)} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
