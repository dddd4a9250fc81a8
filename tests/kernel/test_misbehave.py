"""Kernels that go wrong in every way there is, and what the runner makes of each."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, replace

import pytest

from assay.machines import PROFILES
from harness.qemu import process as qemu_process
from harness.suite.kernel_tests import boot_tests, matching, read_test_image
from harness.verdict.ktap import Kind
from harness.verdict.verdict import Verdict

IMAGE = "assay-misbehave"
FAST = PROFILES["fast"]
# Without the timers that the kernel measures a test by.
TIMELESS = replace(PROFILES["microvm"], machine="microvm,pit=off,pic=off")
# For those that hang before the first test: long enough for a boot on a busy host.
IMPATIENT = replace(FAST, boot_limit_s=2.0)


@dataclass(frozen=True)
class Expected:
    kind: Kind
    text: str = ""


UNSIGNED = "the summary is not signed with the key of this boot"
RESET = "the machine reset or shut itself down"

# At once, before any test.
MISDEEDS = {
    "triple_fault": Expected(Kind.TRIPLE_FAULT, f"{RESET}, before the first result"),
    "reset_by_keyboard_controller": Expected(Kind.TRIPLE_FAULT, RESET),
    "reset_by_port_cf9": Expected(Kind.TRIPLE_FAULT, RESET),
    "say_nothing": Expected(Kind.HUNG, "no output for 2.0 s before the first result; killed"),
    "say_nothing_and_exit_with_success": Expected(Kind.SILENT, "no serial output at all"),
    "hang_with_interrupts_on": Expected(Kind.HUNG, "before the first result; killed"),
    "spin_with_interrupts_off": Expected(Kind.HUNG, "before the first result; killed"),
    "print_half_a_line_and_hang": Expected(Kind.HUNG, "| Assay, test im"),
    "flood": Expected(Kind.GARBLED, "a flood: "),
    "report_success_before_any_test": Expected(Kind.CONTRADICTORY, UNSIGNED),
    "replay_another_boot": Expected(Kind.GARBLED, "or made without the key of this boot"),
    "panic": Expected(Kind.PANICKED, "PANIC: asked for, before the first result"),
    "panic_before_the_console_is_up": Expected(
        Kind.PANICKED, "PANIC: asked for, without a console"
    ),
    "fault_before_the_console_is_up": Expected(Kind.PANICKED, "EXCEPTION: vector 0x6"),
    "overflow_the_stack": Expected(Kind.PANICKED, "stack overflow: the"),
    "run_into_nowhere": Expected(Kind.PANICKED, "0x123456789000"),
    "lose_the_stack": Expected(Kind.PANICKED, "DOUBLE FAULT"),
}

# About the three tests of the suite `good`, which the kernel runs.
LIES = {
    "exits_before_the_header": Expected(Kind.SILENT, "no 'KTAP version 1'"),
    "exits_before_the_plan": Expected(Kind.TRUNCATED, "0 of ? results arrived"),
    "exits_after_the_first_result": Expected(Kind.TRUNCATED, "1 of 3 results arrived"),
    "exits_before_the_summary": Expected(Kind.TRUNCATED, "3 of 3 results arrived"),
    "exits_in_a_result": Expected(Kind.TRUNCATED, "the last line has no end"),
    "exits_in_the_summary": Expected(Kind.TRUNCATED, "the last line has no end"),
    "runs_another_test": Expected(Kind.WRONG_TEST, "not asked for: other.passes"),
    "runs_one_test_too_many": Expected(Kind.WRONG_TEST, "not asked for: other.passes"),
    "runs_no_test": Expected(Kind.GARBLED, "text after the summary"),
    "refuses_the_test": Expected(Kind.BAD_REQUEST, "refused its command line"),
    "says_ok_and_exits_with_failure": Expected(Kind.CONTRADICTORY, "claims a failure, 0 failed"),
    "says_ok_and_exits_as_after_a_panic": Expected(Kind.PANICKED, "by its exit status"),
    "exits_with_a_value_of_its_own": Expected(Kind.QEMU_DIED, "exit status 133"),
    "fails_and_exits_with_success": Expected(
        Kind.CONTRADICTORY, "claims that all passed, 1 failed"
    ),
    "says_ok_and_does_not_end": Expected(Kind.HUNG, "after 'ok 3 good.pass"),
    "drops_a_result": Expected(Kind.GARBLED, "result 2 should come where 'ok 3 good.pass"),
    "drops_the_last_result": Expected(Kind.GARBLED, "the summary says"),
    "drops_the_last_result_and_mends_the_checksum": Expected(
        Kind.TRUNCATED, "only 2 of 3 planned results"
    ),
    "hides_a_result_in_a_remark": Expected(Kind.GARBLED, "result 2 should come where 'ok 3"),
    "repeats_a_result": Expected(Kind.GARBLED, "result 3 should come where 'ok 2"),
    "renames_a_test_and_mends_the_checksum": Expected(
        Kind.WRONG_TEST, "not asked for: good.is_another"
    ),
    "makes_a_result_a_skip_and_mends_the_checksum": Expected(
        Kind.CONTRADICTORY, "are (3, 2, 0, 1) in the lines, (3, 3, 0, 0) in the summary"
    ),
    "breaks_the_checksum": Expected(Kind.GARBLED, "the summary says 600dda7a"),
    "miscounts": Expected(Kind.CONTRADICTORY, "(3, 2, 0, 1) in the summary"),
    "prints_binary": Expected(Kind.GARBLED, "not printable ASCII"),
    "prints_half_a_line": Expected(Kind.GARBLED, "the summary says"),
    "prints_two_lines_in_one": Expected(Kind.GARBLED, "ok 2 good.passesok 3 good.pass"),
    "colours_a_result": Expected(Kind.GARBLED, "not printable ASCII"),
    "puts_a_result_into_a_log_line": Expected(Kind.GARBLED, "'[ 0.042] net: ok 2"),
    "logs_what_looks_like_results_before_the_header": Expected(Kind.PASSED),
    "prints_a_log_line_among_the_results": Expected(Kind.GARBLED, "net: link is up"),
    "prints_the_header_twice": Expected(Kind.GARBLED, "'KTAP version 1'"),
    "prints_the_plan_twice": Expected(Kind.GARBLED, "'1..3'"),
    "goes_on_after_the_summary": Expected(Kind.GARBLED, "text after the summary: 'ok 4 good.more'"),
    "announces_a_panic_and_goes_on": Expected(Kind.CONTRADICTORY, "'PANIC: never mind'"),
    "floods_in_the_report": Expected(Kind.GARBLED, "after 'ok 1 good.pass"),
}

# In the middle of a test, or left behind by it.
BAD_TESTS = {
    "fails": Expected(Kind.FAILED, "1 + 1 == 3"),
    "panics": Expected(Kind.PANICKED, "PANIC: in a test"),
    "triple_faults": Expected(Kind.TRIPLE_FAULT, RESET),
    "resets_the_machine": Expected(Kind.TRIPLE_FAULT, RESET),
    "hangs_with_interrupts_off": Expected(
        Kind.HUNG, "bad.hangs_with_interrupts_off runs for more than 500 ms"
    ),
    "hangs_with_interrupts_on": Expected(
        Kind.HUNG, "bad.hangs_with_interrupts_on runs for more than 500 ms"
    ),
    "spins_with_interrupts_off": Expected(
        Kind.HUNG, "bad.spins_with_interrupts_off runs for more than 500 ms"
    ),
    "exits_with_success": Expected(Kind.TRUNCATED, "0 of 1 results arrived"),
    "overflows_the_stack": Expected(Kind.PANICKED, "stack overflow: the"),
    "runs_into_nowhere": Expected(Kind.PANICKED, "0x123456789000"),
    "loses_the_stack": Expected(Kind.PANICKED, "DOUBLE FAULT"),
    "leaks_a_frame": Expected(Kind.FAILED, "left behind: frames in use: 1 more than before"),
    "leaves_a_mapping_behind": Expected(
        Kind.FAILED, "left behind: the kernel's level-1 entry for 0xffffd00000000000 was 0x0"
    ),
    "leaves_code_writable": Expected(
        Kind.FAILED, "left behind: the kernel's level-1 entry for 0xffffffff802"
    ),
    "leaves_interrupts_changed": Expected(Kind.FAILED, "left behind: the interrupt flag was"),
    "leaves_write_protection_off": Expected(Kind.FAILED, "left behind: CR0 was"),
}

# What a bad test leaves changed, each by its name.
LEFT_CHANGED = {
    "leaves_the_direction_flag_set": "the direction flag",
    "leaves_alignment_checked": "the alignment-check flag in RFLAGS",
    "leaves_a_task_nested": "the nested-task flag in RFLAGS",
    "leaves_ports_to_user_mode": "the I/O privilege level in RFLAGS",
    "leaves_a_breakpoint_armed": "DR7",
    "leaves_a_breakpoint_address": "DR1",
    "leaves_a_memory_type": "the PAT",
    "leaves_ranges_of_memory_types": "MTRR_DEF_TYPE",
    "leaves_segments_of_system_calls": "STAR",
    "leaves_an_entry_of_system_calls": "LSTAR",
    "leaves_an_entry_of_old_system_calls": "CSTAR",
    "leaves_a_mask_of_system_calls": "SFMASK",
    "leaves_a_code_segment_of_sysenter": "SYSENTER_CS",
    "leaves_a_stack_of_sysenter": "SYSENTER_ESP",
    "leaves_an_entry_of_sysenter": "SYSENTER_EIP",
    "leaves_a_base_of_fs": "the base of FS",
    "leaves_a_base_of_gs": "the base of GS",
    "leaves_another_base_of_gs": "the other base of GS (KERNEL_GS_BASE)",
    "leaves_system_calls_changed": "EFER",
    "leaves_extended_states_on": "CR4",
    "leaves_flags_in_cr3": "the PCID or flags in CR3",
    "leaves_a_task_priority": "CR8",
    "leaves_no_interrupt_table": "the limit of the IDT",
    "leaves_the_interrupt_table_elsewhere": "the base of the IDT",
    "leaves_a_gate": "the contents of the IDT (checksum)",
    "leaves_a_longer_segment_table": "the limit of the GDT",
    "leaves_a_segment_changed": "the contents of the GDT (checksum)",
    "leaves_a_data_segment": "DS",
    "leaves_a_segment_in_fs": "FS",
    "leaves_an_interrupt_stack": "the contents of the TSS (checksum)",
    "leaves_the_timer_masked": "the mask of the PICs",
    "leaves_an_interrupt_let_through": "the mask of the PICs",
    "leaves_the_local_apic_off": "the local APIC's spurious-interrupt register",
    "leaves_nmis_masked": "the local APIC's pin LINT0",
    "leaves_the_local_apics_timer_on": "the local APIC's timer",
    "leaves_the_local_apic_without_registers": "APIC_BASE",
}
BAD_TESTS |= {
    name: Expected(Kind.FAILED, f"left behind: {what} was ") for name, what in LEFT_CHANGED.items()
}

NOT_TO_SKIP = "skipped on a machine that has all they require"
BAD_TESTS |= {
    "leaves_itself_traced": Expected(Kind.PANICKED, "DEBUG"),
    "skips_each_row": Expected(Kind.WRONG_SKIP, NOT_TO_SKIP),
    "skips_at_home": Expected(Kind.WRONG_SKIP, NOT_TO_SKIP),
    "skips_without_a_reason": Expected(Kind.FAILED, "skips without a reason"),
    "jumps_out_of_its_body": Expected(Kind.FAILED, "left by a jump that is neither"),
    "goes_well_though_known_to_fail": Expected(Kind.FAILED, "passes, but was to fail: 1 == 2"),
    "fails_elsewhere_than_known": Expected(Kind.FAILED, "1 == 3 does not hold"),
    "fails_in_another_row_than_known": Expected(Kind.FAILED, "subcase one: not ok"),
    "leaves_something_though_known_to_fail": Expected(Kind.FAILED, "left behind: CR0 was"),
    "stops_though_known_to_fail": Expected(Kind.PANICKED, "0x123456789000"),
    "outlasts_its_limit": Expected(Kind.FAILED, "ms, and its limit is 300 ms"),
    "forgets_that_it_failed": Expected(Kind.CONTRADICTORY, "1 == 2 does not hold"),
    "corrects_the_tally": Expected(Kind.CONTRADICTORY, "in the summary"),
    "prints_its_own_result": Expected(Kind.GARBLED, "result 2 should come where 'ok 1 bad.prints"),
    "reports_twice": Expected(Kind.CONTRADICTORY, "(2, 2, 0, 0) in the lines"),
    "reports_success_and_fails": Expected(Kind.GARBLED, "text after the summary"),
    "reports_success_and_hangs": Expected(Kind.HUNG, "runs for more than 300 ms"),
    "reports_success_and_exits": Expected(Kind.CONTRADICTORY, UNSIGNED),
    "prints_a_report_of_its_own_and_exits": Expected(Kind.CONTRADICTORY, UNSIGNED),
    "runs_the_tests_in_a_test": Expected(Kind.GARBLED, "'KTAP version 1'"),
    "ends_as_if_hung": Expected(Kind.CONTRADICTORY, UNSIGNED),
}


def run(glob: str, words: str = "", impatient: bool = False) -> Verdict:
    tests = matching(read_test_image(IMAGE), glob)
    if impatient:
        tests = tuple(replace(test, timeout_ms=500) for test in tests)
    profile = IMPATIENT if impatient else FAST
    return boot_tests(tests, profile, glob, words, image=IMAGE, evidence=False)


def demand(verdict: Verdict, expected: Expected) -> None:
    assert verdict.kind is expected.kind, verdict.message
    assert expected.text in verdict.message, verdict.message


@pytest.mark.parametrize("name", MISDEEDS)
def test_a_misdeed_before_any_test(name: str) -> None:
    expected = MISDEEDS[name]
    verdict = run("good.*", f"misbehave={name}", impatient=expected.kind is Kind.HUNG)
    demand(verdict, expected)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_tests(name: str) -> None:
    expected = LIES[name]
    verdict = run("good.*", f"misbehave={name}", impatient=expected.kind is Kind.HUNG)
    demand(verdict, expected)


@pytest.mark.parametrize("name", BAD_TESTS)
def test_a_bad_test(name: str) -> None:
    expected = BAD_TESTS[name]
    demand(run(f"bad.{name}", impatient=expected.kind is Kind.HUNG), expected)


@pytest.mark.parametrize("name", ["spins_with_interrupts_off", "outlasts_its_limit"])
def test_without_a_timer_the_runner_ends_a_test_that_takes_too_long(name: str) -> None:
    tests = matching(read_test_image(IMAGE), f"bad.{name}")
    verdict = boot_tests(tests, TIMELESS, f"bad.{name}", image=IMAGE, evidence=False)
    demand(verdict, Expected(Kind.HUNG, "no output for 2."))
    assert "no timer for NMIs: only the runner ends a test that hangs" in verdict.message
    assert "# hung: " not in verdict.message


def test_a_known_failure_is_not_excused_by_a_broken_set_up() -> None:
    verdict = run("bad_fixture.*")
    demand(verdict, Expected(Kind.FAILED, "1 == 2 does not hold"))


def test_a_test_that_fails_as_it_is_known_to_is_green() -> None:
    verdict = run("good_but_known.*")
    assert verdict.green, verdict.message
    assert verdict.results[0].diagnostics[-1] == "# failed as expected: 1 == 2"


def test_without_misbehaviour_the_same_image_is_green() -> None:
    verdict = run("good.*")
    assert verdict.green, verdict.message


def test_every_bad_test_of_the_image_is_listed() -> None:
    names = {test.name.partition(".")[2] for test in matching(read_test_image(IMAGE), "bad.*")}
    assert names == set(BAD_TESTS)


@pytest.mark.parametrize(
    "number, text",
    [(signal.SIGKILL, "QEMU was ended by SIGKILL"), (signal.SIGTERM, "terminating on signal 15"),
     (signal.SIGSEGV, "QEMU was ended by SIGSEGV")],
)
def test_qemu_killed_from_outside_in_mid_run(number: signal.Signals, text: str) -> None:
    verdicts: list[Verdict] = []
    boot = threading.Thread(target=lambda: verdicts.append(run("bad.hangs_with_interrupts_off")))
    boot.start()
    deadline = time.monotonic() + FAST.boot_limit_s
    while not qemu_process.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    (pid,) = qemu_process.running()
    os.kill(pid, number)
    boot.join()
    demand(verdicts[0], Expected(Kind.QEMU_DIED, text))


def test_qemu_that_refuses_its_arguments() -> None:
    profile = replace(FAST, cpu="abacus")
    tests = matching(read_test_image(IMAGE), "good.*")
    verdict = boot_tests(tests, profile, "good.*", image=IMAGE, evidence=False)
    demand(verdict, Expected(Kind.QEMU_DIED, "unable to find CPU model 'abacus'"))
    assert verdict.environment_at_fault
