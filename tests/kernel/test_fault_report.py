"""What the kernel says of a page fault that nobody waits for, compared with what QEMU knows of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.machines import PROFILES
from harness.image.source_lines import SourceLines
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu

THE_END = "The kernel has stopped."
INTERRUPTS_ON = 1 << 9


@dataclass(frozen=True)
class Fault:
    """report: from the heading to the end. registers: the CPU's, some time later."""

    report: str
    registers: str
    image: Path

    def told(self, pattern: str) -> int:
        """The number in the report that the group of the pattern matches."""
        return _number(pattern, self.report)

    def register(self, name: str) -> int:
        return _number(rf"\b{name} *=([0-9a-f]+)", self.registers)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, f"no {pattern} in:\n{text}"
    return int(found[1], 16)


@pytest.fixture(scope="module")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Fault:
    """A null pointer is read, in a machine without the device by which the kernel ends QEMU."""
    socket = tmp_path_factory.mktemp("fault") / "monitor"
    profile = PROFILES["fast"]
    image = image_to_boot(profile, "assay")
    extra = monitor_arguments(socket)
    with Qemu(command_line(profile, image, "provoke=null", debug_exit=False, extra=extra)) as qemu:
        assert qemu.read_until(THE_END, profile.boot_limit_s), qemu.progress()
        qemu.listen(0.2, 0.2)
        with Monitor(socket) as monitor:
            registers = monitor.human("info registers")
        serial = bytes(qemu.serial).decode().replace("\r", "")
    heading = "EXCEPTION: PAGE FAULT\n"
    assert serial.count(heading) == 1, serial
    return Fault(serial.partition(heading)[2], registers, image)


def test_a_page_fault_report_has_the_accessed_address_that_is_in_cr2(fault: Fault) -> None:
    assert fault.told(r"accessed address +0x([0-9a-f]+) \(CR2\)") == 0
    assert fault.register("CR2") == 0


def test_a_page_fault_report_decodes_the_error_code(fault: Fault) -> None:
    assert re.search(
        r"error code +0x0: read from a page that is not present, supervisor mode$",
        fault.report, re.MULTILINE,
    ), fault.report


def test_a_page_fault_report_has_the_frame_of_the_access(fault: Fault) -> None:
    with SourceLines(fault.image) as source:
        assert source.symbol_at(fault.told(r"\brip ([0-9a-f]{16})"))[0] == "kernel_main"
    assert fault.told(r"\bcs 0x([0-9a-f]+)") == fault.register("CS") == 8
    assert fault.told(r"\bcr3 0x([0-9a-f]+)") == fault.register("CR3")
    assert fault.told(r"\brflags 0x([0-9a-f]+)") & INTERRUPTS_ON == 0
    # The handler runs on the stack that it interrupted, below the frame.
    assert 0 < fault.told(r"\brsp ([0-9a-f]{16})") - fault.register("RSP") < 4096
    assert "kernel_main+" in fault.report.partition("backtrace:\n")[2].splitlines()[0]


def test_the_kernel_halts_after_the_report_of_a_page_fault(fault: Fault) -> None:
    assert fault.report.endswith(f"{THE_END}\n")
    assert "HLT=1" in fault.registers
    assert fault.register("RFL") & INTERRUPTS_ON == 0
