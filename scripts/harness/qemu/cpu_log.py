"""What QEMU's log (-d int,cpu_reset) says of the CPU's last exceptions and of a triple fault.

Pure: the end of the log goes in. QEMU writes it only where it emulates the CPU, not under KVM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LOG_ARGUMENTS = ("-d", "int,cpu_reset")
# A triple fault takes four exceptions of about 1,600 bytes each.
TAIL_BYTES = 1 << 16
TRIPLE_FAULT = re.compile(r"^Triple fault$", re.M)
EXCEPTION = re.compile(
    r"^ *\d+: v=(?P<vector>[0-9a-f]+) e=(?P<error>[0-9a-f]+) .*\bpc=(?P<rip>[0-9a-f]+)", re.M
)
CR2 = re.compile(r"\bCR2=([0-9a-f]+)")
# An exception that came while another, or a double fault, was delivered.
WHILE_DELIVERING = re.compile(r"^check_exception old: 0x[0-9a-f]+ new 0x([0-9a-f]+)$", re.M)
NAMES = (
    "DIVIDE ERROR", "DEBUG", "NMI", "BREAKPOINT", "OVERFLOW", "BOUND RANGE EXCEEDED",
    "INVALID OPCODE", "DEVICE NOT AVAILABLE", "DOUBLE FAULT", "COPROCESSOR SEGMENT OVERRUN",
    "INVALID TSS", "SEGMENT NOT PRESENT", "STACK SEGMENT FAULT", "GENERAL PROTECTION FAULT",
    "PAGE FAULT", "RESERVED VECTOR", "X87 FLOATING POINT", "ALIGNMENT CHECK", "MACHINE CHECK",
    "SIMD FLOATING POINT", "VIRTUALIZATION", "CONTROL PROTECTION",
)


@dataclass(frozen=True)
class CpuException:
    """cr2: of that moment; the accessed address only if it is a page fault."""

    vector: int
    error_code: int
    rip: int
    cr2: int

    def __str__(self) -> str:
        return f"{vector_name(self.vector)}, error code {self.error_code:#x}, CR2 {self.cr2:#x}"


def vector_name(vector: int) -> str:
    name = NAMES[vector] if vector < len(NAMES) else "INTERRUPT"
    return f"{name} (vector {vector})"


@dataclass(frozen=True)
class TripleFault:
    """chain: what could not be delivered, from the exception of the instruction to the double fault;
    empty if the log does not tell. last: the vector that came while the double fault was delivered.
    """

    chain: tuple[CpuException, ...]
    last: int | None

    def place(self, describe: Callable[[int], str]) -> str:
        """Where the instruction is. describe: an address with what is there."""
        return describe(self.chain[0].rip) if self.chain else "a place that the log does not tell"

    def lines(self) -> list[str]:
        """An exception a line."""
        told = [str(exception) for exception in self.chain]
        told += [vector_name(self.last)] if self.last is not None else []
        return [f"{'while that was delivered: ' if at else ''}{text}" for at, text in enumerate(told)]


def triple_fault(log: str) -> TripleFault | None:
    """The last one in the log."""
    ends = [match.start() for match in TRIPLE_FAULT.finditer(log)]
    if not ends:
        return None
    before = log[: ends[-1]]
    last = WHILE_DELIVERING.findall(before)
    return TripleFault(tuple(_chain(exceptions(before))), int(last[-1], 16) if last else None)


def exceptions(log: str) -> list[CpuException]:
    """Those in the log, the last one last."""
    found = list(EXCEPTION.finditer(log))
    told = []
    for match, following in zip(found, [*found[1:], None]):
        end = following.start() if following else len(log)
        cr2 = CR2.search(log, match.start(), end)
        vector, error, rip = (int(match[name], 16) for name in ("vector", "error", "rip"))
        told.append(CpuException(vector, error, rip, int(cr2[1], 16) if cr2 else 0))
    return told


def _chain(found: Sequence[CpuException]) -> list[CpuException]:
    """The last exceptions of one instruction: the first could not be delivered, nor the others."""
    chain: list[CpuException] = []
    for exception in reversed(found):
        if chain and exception.rip != chain[0].rip or len(chain) == 3:
            break
        chain.insert(0, exception)
    return chain
