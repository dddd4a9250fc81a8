"""gdb's own backtrace goes through exceptions to the code that they interrupted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from assay.machines import PROFILES
from harness.evidence import artifacts
from harness.evidence.artifacts import directory_of
from harness.machine.project import build_directory
from harness.suite.kernel_tests import boot_tests, matching, read_test_image
from test_debug import stopped

IMAGE = "assay-misbehave"
INTERRUPTED = "<signal handler called>"
NOWHERE, ELSEWHERE = "0x0000123456789000", "0x0000123456787000"
# exception_entry_14 and exception_common up to the call, and from there to iretq.
STEPS_IN, STEPS_OUT = 23, 17

REGISTERS = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip"] + [
    f"r{number}" for number in range(8, 16)
]
SAVE = "set $saved = *(struct exception_frame *)$rdi"
SAME = [f"p (unsigned long)${name} == $saved.{name}" for name in REGISTERS]
# What has been popped may be overwritten.
OVERWRITE = [f"set *(unsigned long *)($rsp - {8 * words}) = 1" for words in range(1, 18)]


def functions(backtrace: str) -> list[str]:
    """From the innermost; for a call that gdb knows no function for, its address."""
    frame = re.compile(r"^#\d+ +(?:(0x\w+) in \?\?|(?:0x\w+ in )?(\w+)(?:\.\w+)* \(|(<signal .*>))", re.M)
    return ["".join(match.groups("")) for match in frame.finditer(backtrace)]


def expect_in_order(found: list[str], *wanted: str) -> None:
    at = 0
    for name in wanted:
        assert name in found[at:], (name, found)
        at = found.index(name, at) + 1


@pytest.mark.parametrize(
    ("test", "calls"),
    [
        # On the stack of its own that a double fault has, and that an NMI has.
        ("bad.overflows_the_stack",
         ("exception_dispatch", INTERRUPTED, "use_stack", "overflow_the_stack", "run_kernel")),
        ("bad.hangs_with_interrupts_off",
         ("exception_dispatch", INTERRUPTED, "hang_with_interrupts_off", "run_kernel")),
        ("bad.loses_the_stack", ("exception_dispatch", INTERRUPTED, "lose_the_stack")),
        ("bad.runs_into_nowhere",
         ("exception_dispatch", INTERRUPTED, NOWHERE, "run_into_nowhere", "run_kernel")),
    ],
)
def test_a_plain_gdb_goes_through_the_exception_in_a_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test: str, calls: tuple[str, ...]
) -> None:
    (tmp_path / f"{IMAGE}.elf").symlink_to(build_directory() / f"{IMAGE}.elf")
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))
    monkeypatch.setattr(artifacts, "REPEATS_MAX", sys.maxsize)
    boot_tests(matching(read_test_image(IMAGE), test), PROFILES["fast"], test, image=IMAGE)
    core = directory_of(f"fast-{test}") / "guest.core"
    said = subprocess.run(
        ["gdb", "-nx", "-batch", "-ex", "bt", tmp_path / f"{IMAGE}.elf", core],
        capture_output=True, text=True, check=True,
    ).stdout
    expect_in_order(functions(said), *calls)


def test_each_instruction_on_the_way_in_and_out_shows_what_was_interrupted(tmp_path: Path) -> None:
    step = ("stepi", "bt 3")
    way_in = (*step * STEPS_IN, "info symbol $pc")
    way_out = (SAVE, "return", "bt 3", *step * STEPS_OUT, "x/i $pc")
    words = "test=bad.runs_into_nowhere"
    with stopped(tmp_path, "fast", words, "*exception_entry_14", IMAGE) as debugger:
        answers = debugger.ask("bt 3", *way_in, *way_out, *OVERWRITE, "frame 1", *SAME)
    answers, equal = answers[: -len(SAME) - len(OVERWRITE) - 1], answers[-len(SAME) :]
    assert answers[len(way_in)].startswith("exception_dispatch in "), answers
    assert answers[-1].endswith("iretq"), answers[-1]
    inside = answers[: len(way_in) - 2] + answers[len(way_in) + 2 :]
    traces = [functions(answer) for answer in inside if re.match("#0 .*\n#1 ", answer)]
    assert len(traces) == STEPS_IN + STEPS_OUT + 1
    assert {tuple(trace[1:]) for trace in traces} == {(NOWHERE, "run_into_nowhere")}, traces
    assert [answer.endswith(" = 1") for answer in equal] == [True] * len(SAME), equal


def test_an_exception_in_an_exception_is_gone_through_with_its_registers(tmp_path: Path) -> None:
    test = "test=bad.runs_into_nowhere"
    with stopped(tmp_path, "fast", test, "*exception_entry_14", IMAGE) as debugger:
        _, _, _, _, trace, frame, *equal = debugger.ask(
            f"stepi {STEPS_IN}", SAVE, f"set $rip = {ELSEWHERE}", "continue", "bt", "frame 3", *SAME,
        )
    expect_in_order(
        functions(trace), INTERRUPTED, ELSEWHERE, INTERRUPTED, NOWHERE, "run_into_nowhere",
        "run_kernel",
    )
    assert frame.startswith(f"#3  {NOWHERE} in ")
    assert [answer.endswith(" = 1") for answer in equal] == [True] * len(SAME), equal


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        ("kernel_start", ["kernel_start", "start_32"]),
        ("kernel_entry", ["kernel_entry", "run_kernel", "kernel_space_enter"]),
    ],
)
def test_a_backtrace_ends_where_nothing_has_called(
    tmp_path: Path, function: str, calls: list[str]
) -> None:
    with stopped(tmp_path, "fast", "once", function, "assay") as debugger:
        (trace,) = debugger.ask("bt")
    found = re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+|\?\?)", trace, re.M)
    assert found == calls and "Backtrace stopped" not in trace, trace
