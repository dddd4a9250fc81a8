"""How a run of the normal image ended, told as precisely as the verdict on a test's boot.

Success is what the kernel itself says by its exit status. A user who leaves, or has the kernel reset
the machine at its prompt, has what they wanted.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from harness.host.script import EXIT_ENVIRONMENT, EXIT_FAILURES, EXIT_INTERRUPTED, EXIT_OK
from harness.qemu.cpu_log import triple_fault
from harness.qemu.outcome import Outcome, Stop
from harness.verdict.ktap import Kind, hung_report, panic_line
from harness.verdict.verdict import (
    EXIT_BAD_REQUEST,
    EXIT_FAIL,
    EXIT_PANIC,
    EXIT_PASS,
    EXIT_QEMU_REFUSES,
)

RESET, POWER_OFF = "guest-reset", "guest-shutdown"
BY_USER = ("host-ui", "host-qmp-quit")
SIGNALLED = "terminating on signal"
INTERRUPTS_ON = 1 << 9


@dataclass(frozen=True)
class Machine:
    """What is known of the machine besides the Outcome.

    down: QEMU's word for why it went down, or "". log: the end of QEMU's log of exceptions; None
    where it writes none. rip, rflags: where its CPU stands, if that is known.
    """

    down: str = ""
    log: str | None = None
    rip: int | None = None
    rflags: int = 0


@dataclass(frozen=True)
class Ending:
    """status: the runner's. text: one line, and more for a triple fault; "" for plain success."""

    status: int
    text: str = ""


def tell(
    outcome: Outcome, machine: Machine, describe: Callable[[int], str], attended: bool
) -> Ending:
    """describe: an address with its function and source. attended: someone sat at the prompt."""
    panic = panic_line(outcome.serial)
    after = f"after {outcome.seconds:.1f} s"
    if outcome.stop is Stop.MISSING:
        return Ending(EXIT_ENVIRONMENT, outcome.stderr.strip())
    if outcome.stop is Stop.LEFT or machine.down in BY_USER:
        return _left(panic, attended)
    if outcome.stop is Stop.DOWN:
        return _down(machine, describe, after, attended and panic is None)
    if outcome.stop is Stop.EXITED:
        return _exited(outcome, panic, after)
    where = _where(machine, describe)
    if panic:
        return _failure(Kind.PANICKED, f"'{panic}', and then no end{where}")
    if outcome.stop is Stop.GAVE_UP:
        return _failure(Kind.QEMU_DIED, f"{outcome.stop.value}: {_words(outcome)}{where}")
    kind = Kind.GARBLED if outcome.stop is Stop.FLOOD else Kind.HUNG
    return _failure(kind, f"{outcome.stop.value} {after}{where}")


def _failure(kind: Kind, text: str) -> Ending:
    return Ending(EXIT_FAILURES, f"{kind.value}: {text}")


def _left(panic: str | None, attended: bool) -> Ending:
    if panic:
        return _failure(Kind.PANICKED, f"'{panic}', and then no end; left by the user")
    if attended:
        return Ending(EXIT_OK)
    return Ending(EXIT_INTERRUPTED, "QEMU was closed before the kernel had ended")


def _down(
    machine: Machine, describe: Callable[[int], str], after: str, may_be_wanted: bool
) -> Ending:
    """The guest has reset the machine or switched it off, or its CPU has given up."""
    if machine.down == POWER_OFF:
        return Ending(
            EXIT_OK if may_be_wanted else EXIT_FAILURES, f"the kernel switched the machine off {after}"
        )
    if machine.log is None:
        text = f"a triple fault, or the kernel reset the machine, {after}; QEMU does not tell which"
        return Ending(EXIT_FAILURES, text + _where(machine, describe))
    fault = triple_fault(machine.log)
    if fault is not None:
        text = f"the CPU shut down {after}, at {fault.place(describe)}"
        return _failure(Kind.TRIPLE_FAULT, "\n  ".join((text, *fault.lines())))
    text = f"the kernel reset the machine {after}, which ends QEMU here"
    return Ending(EXIT_OK if may_be_wanted else EXIT_FAILURES, text)


def _exited(outcome: Outcome, panic: str | None, after: str) -> Ending:
    status = outcome.status
    words = f": {_words(outcome)}" if outcome.stderr.strip() else ""
    if status is None or status < 0 or SIGNALLED in outcome.stderr:
        name = _signal_name(-status) if status else ""
        how = f"QEMU was ended by {name}" if name else "QEMU was told to end"
        return _failure(Kind.QEMU_DIED, f"{how} {after}{words}")
    if status == EXIT_PANIC or panic:
        return _failure(Kind.PANICKED, f"{panic or 'by its exit status alone'}, {after}")
    if status == EXIT_PASS:
        return Ending(EXIT_OK)
    if status == EXIT_BAD_REQUEST:
        return _failure(Kind.BAD_REQUEST, f"the kernel refused its command line {after}")
    if status == EXIT_QEMU_REFUSES and words:
        did_start = bool(outcome.serial)
        text = f"QEMU ended with status {status} {after}{words}"
        return Ending(EXIT_FAILURES if did_start else EXIT_ENVIRONMENT, text)
    hung = hung_report(outcome.serial) if status == EXIT_FAIL else None
    if hung:
        return _failure(Kind.HUNG, hung)
    if status == EXIT_FAIL:
        return _failure(Kind.FAILED, f"the kernel ended with a failure {after}")
    if status % 2:
        code = (status - 1) // 2
        return _failure(Kind.FAILED, f"the kernel ended with the code {code:#x} {after}")
    return _failure(Kind.QEMU_DIED, f"QEMU ended with status {status} {after}{words}")


def _where(machine: Machine, describe: Callable[[int], str]) -> str:
    if machine.rip is None:
        return ""
    interrupts = "on" if machine.rflags & INTERRUPTS_ON else "off"
    return f"; interrupts are {interrupts}; the CPU is at {describe(machine.rip)}"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"


def _words(outcome: Outcome) -> str:
    """The end of QEMU's messages, in one line."""
    return "; ".join(outcome.stderr.strip().splitlines()[-3:])
