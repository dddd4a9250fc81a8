"""How the end of a run is told: from what QEMU did, said and logged."""

from __future__ import annotations

import pytest

from harness.host.script import EXIT_ENVIRONMENT, EXIT_FAILURES, EXIT_INTERRUPTED, EXIT_OK
from harness.qemu.cpu_log import exceptions, triple_fault
from harness.qemu.outcome import Outcome, Stop
from harness.terminal.ending import Machine, tell

# As QEMU 7.2 writes it, without most of the registers.
LOG = """\
     7: v=20 e=0000 i=0 cpl=0 IP=0008:ffffffff80209999 pc=ffffffff80209999 SP=0010:0 env->regs[R_EAX]=0
CR0=80010011 CR2=0000000000000000 CR3=0000000000001000 CR4=00300820
check_exception old: 0xffffffff new 0xe
     8: v=0e e=0002 i=0 cpl=0 IP=0008:ffffffff80201234 pc=ffffffff80201234 SP=0010:0 CR2=0000000000001000
CR0=80010011 CR2=0000000000001000 CR3=0000000000001000 CR4=00300820
check_exception old: 0xe new 0xe
     9: v=08 e=0000 i=0 cpl=0 IP=0008:ffffffff80201234 pc=ffffffff80201234 SP=0010:0 env->regs[R_EAX]=0
CR0=80010011 CR2=ffffffff802670e0 CR3=0000000000001000 CR4=00300820
check_exception old: 0x8 new 0xe
Triple fault
"""
PANIC = b"\r\nPANIC: out of luck\r\n"


def outcome(stop: Stop, status: int | None = None, serial: bytes = b"x", stderr: str = "") -> Outcome:
    return Outcome(stop, status, serial, stderr, 1.25)


def described(address: int) -> str:
    return f"<{address:x}>"


def test_the_exceptions_of_a_triple_fault_are_told_in_their_order() -> None:
    fault = triple_fault(LOG)
    assert fault is not None and fault.place(described) == "<ffffffff80201234>"
    assert fault.lines() == [
        "PAGE FAULT (vector 14), error code 0x2, CR2 0x1000",
        "while that was delivered: DOUBLE FAULT (vector 8), error code 0x0, CR2 0xffffffff802670e0",
        "while that was delivered: PAGE FAULT (vector 14)",
    ]
    assert [found.vector for found in exceptions(LOG)] == [0x20, 14, 8]


@pytest.mark.parametrize("log", ["", LOG.replace("Triple fault\n", ""), "Triple faults are rare\n"])
def test_a_log_without_a_triple_fault_tells_none(log: str) -> None:
    assert triple_fault(log) is None


def test_a_log_that_is_cut_tells_what_is_left() -> None:
    for start in range(len(LOG)):
        fault = triple_fault(LOG[start:])
        assert (fault is not None) == (start <= LOG.index("Triple fault"))
        assert fault is None or (fault.lines(), fault.place(described))


UNATTENDED, ATTENDED = False, True
RESET = Machine("guest-reset", "")
ENDINGS = [
    (outcome(Stop.EXITED, 33), Machine(), UNATTENDED, EXIT_OK, ""),
    (outcome(Stop.EXITED, 33, PANIC), Machine(), UNATTENDED, EXIT_FAILURES, "panicked: PANIC: out"),
    (outcome(Stop.EXITED, 35), Machine(), ATTENDED, EXIT_FAILURES, "failed: the kernel ended with a f"),
    (outcome(Stop.EXITED, 37, PANIC), Machine(), ATTENDED, EXIT_FAILURES, "panicked: PANIC: out of"),
    (outcome(Stop.EXITED, 37), Machine(), ATTENDED, EXIT_FAILURES, "panicked: by its exit status"),
    (outcome(Stop.EXITED, 39), Machine(), ATTENDED, EXIT_FAILURES, "bad request: the kernel refused"),
    (outcome(Stop.EXITED, 3), Machine(), ATTENDED, EXIT_FAILURES,
     "failed: the kernel ended with the code 0x1"),
    (outcome(Stop.EXITED, 0), Machine(), ATTENDED, EXIT_FAILURES, "QEMU died: QEMU ended with status 0"),
    (outcome(Stop.EXITED, -11), Machine(), ATTENDED, EXIT_FAILURES, "QEMU died: QEMU was ended by SIGSEGV"),
    (outcome(Stop.EXITED, 0, stderr="qemu: terminating on signal 15 from pid 1"), Machine("host-signal"),
     ATTENDED, EXIT_FAILURES, "QEMU died: QEMU was told to end after 1.2 s: qemu: terminating on"),
    (outcome(Stop.EXITED, 1, b"", "qemu: no\nmodel"), Machine(), ATTENDED, EXIT_ENVIRONMENT,
     "QEMU ended with status 1 after 1.2 s: qemu: no; model"),
    (outcome(Stop.EXITED, 1, b"boot", "qemu: disk"), Machine(), ATTENDED, EXIT_FAILURES,
     "QEMU ended with status 1 after 1.2 s: qemu: disk"),
    (outcome(Stop.MISSING, stderr="qemu is missing"), Machine(), UNATTENDED, EXIT_ENVIRONMENT,
     "qemu is missing"),
    (outcome(Stop.LEFT), Machine(), ATTENDED, EXIT_OK, ""),
    (outcome(Stop.LEFT, serial=PANIC), Machine(), ATTENDED, EXIT_FAILURES, "panicked: 'PANIC: out of"),
    (outcome(Stop.EXITED, 0), Machine("host-ui"), ATTENDED, EXIT_OK, ""),
    (outcome(Stop.EXITED, 0), Machine("host-ui"), UNATTENDED, EXIT_INTERRUPTED, "QEMU was closed"),
    (outcome(Stop.DOWN), RESET, ATTENDED, EXIT_OK, "the kernel reset the machine after 1.2 s"),
    (outcome(Stop.DOWN), RESET, UNATTENDED, EXIT_FAILURES, "the kernel reset the machine after"),
    (outcome(Stop.DOWN, serial=PANIC), RESET, ATTENDED, EXIT_FAILURES, "the kernel reset the machine"),
    (outcome(Stop.DOWN), Machine("guest-shutdown", ""), ATTENDED, EXIT_OK, "the kernel switched the"),
    (outcome(Stop.DOWN), Machine("guest-shutdown", ""), UNATTENDED, EXIT_FAILURES, "the kernel sw"),
    (outcome(Stop.DOWN), Machine("guest-reset", LOG), ATTENDED, EXIT_FAILURES,
     "triple fault: the CPU shut down after 1.2 s, at <ffffffff80201234>\n  PAGE FAULT (vector 14)"),
    (outcome(Stop.DOWN), Machine("guest-reset", None, 0x1234, 2), ATTENDED, EXIT_FAILURES,
     "a triple fault, or the kernel reset the machine, after 1.2 s; QEMU does not tell which; "
     "interrupts are off; the CPU is at <1234>"),
    (outcome(Stop.LIMIT), Machine(rip=0x1234, rflags=0x202), UNATTENDED, EXIT_FAILURES,
     "hung: time limit reached; killed after 1.2 s; interrupts are on; the CPU is at <1234>"),
    (outcome(Stop.SILENCE, serial=PANIC), Machine(), UNATTENDED, EXIT_FAILURES,
     "panicked: 'PANIC: out of luck', and then no end"),
    (outcome(Stop.FLOOD), Machine(), UNATTENDED, EXIT_FAILURES, "garbled: too much output"),
    (outcome(Stop.GAVE_UP, stderr="KVM internal error"), Machine(), ATTENDED, EXIT_FAILURES,
     "QEMU died: QEMU gave up on the machine; killed: KVM internal error"),
]


@pytest.mark.parametrize(("ended", "machine", "attended", "status", "told"), ENDINGS)
def test_each_end_has_its_status_and_words(
    ended: Outcome, machine: Machine, attended: bool, status: int, told: str
) -> None:
    end = tell(ended, machine, described, attended)
    assert end.status == status
    assert end.text.startswith(told) and bool(end.text) == bool(told)
