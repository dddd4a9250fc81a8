"""The verdict logic against fabricated serial logs: a good one is green, no broken one is."""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass, replace

import pytest

from harness.host.text import text_lines
from harness.qemu.outcome import Outcome, Stop
from harness.verdict.ktap import Kind, WireError, draw_key, key_word, parse_list
from harness.verdict.verdict import (
    EXIT_BAD_REQUEST,
    EXIT_FAIL,
    EXIT_PANIC,
    EXIT_PASS,
    judge as judge_boot,
)

KEY = 0x0123456789ABCDEF
judge = functools.partial(judge_boot, key=KEY)

BOOT_LOG = "Assay 1.0\nMemory map\n"
RUNS = ("map_to.maps", "unmap.unmaps")
SKIPS = ("vga.shows_text",)


@dataclass(frozen=True)
class Log:
    """A log in its parts; what is None follows from the results, as an honest kernel has it."""

    results: tuple[str, ...] = (
        "ok 1 map_to.maps",
        "ok 2 unmap.unmaps",
        "ok 3 vga.shows_text # SKIP no VGA",
    )
    before: str = BOOT_LOG
    header: str = "KTAP version 1\n"
    plan: str | None = None
    summary: str | None = None
    crc: int | None = None
    key: int | None = KEY
    after: str = ""

    def text(self) -> str:
        failed = sum(line.startswith("not ok") for line in self.results)
        skipped = sum("# SKIP" in line for line in self.results)
        results = [line for line in self.results if not line.startswith("#")]
        count = len(results)
        crc = self.crc
        if crc is None:
            crc = zlib.crc32("".join(line + "\n" for line in results).encode())
            if self.key is not None:
                crc = zlib.crc32(self.key.to_bytes(8, "little"), crc)
        plan = f"1..{count}\n" if self.plan is None else self.plan
        body = "".join(line + "\n" for line in self.results)
        summary = self.summary
        if summary is None:
            counts = f"planned={count} passed={count - failed - skipped} failed={failed}"
            summary = f"# summary: {counts} skipped={skipped} crc32={crc:08x}\n"
        return self.before + self.header + plan + body + summary + self.after

    def serial(self) -> bytes:
        return self.text().replace("\n", "\r\n").encode("latin-1")


GOOD = Log()


def with_results(*results: str) -> Log:
    return replace(GOOD, results=results)


FAILING = with_results(
    GOOD.results[0], "# mapped == 1: 0 and 1", "not ok 2 unmap.unmaps", GOOD.results[2]
)
# As the kernel's watchdog ends a run: no more results than there are, and a summary of them.
HANGING = replace(
    with_results(
        GOOD.results[0], "# hung: unmap.unmaps runs for more than 500 ms; it is at",
        "#     0x12 spin+0x2", "not ok 2 unmap.unmaps",
    ),
    plan="1..3\n",
)


def ended(log: Log | bytes, status: int = EXIT_PASS, stderr: str = "") -> Outcome:
    return Outcome(Stop.EXITED, status, log if isinstance(log, bytes) else log.serial(), stderr)


def killed(serial: bytes, stop: Stop) -> Outcome:
    return Outcome(stop, None, serial, seconds=9.0, quiet_s=2.0)


def kind(outcome: Outcome) -> Kind:
    return judge(outcome, RUNS, SKIPS).kind


def test_a_good_log_is_green() -> None:
    verdict = judge(ended(GOOD), RUNS, SKIPS)
    assert verdict.green
    assert [(result.name, result.skipped) for result in verdict.results] == [
        ("map_to.maps", False), ("unmap.unmaps", False), ("vga.shows_text", True)]


ALLOWED = {
    "without carriage returns": GOOD.text().encode(),
    "firmware chatter": replace(GOOD, before="\x1b[2J\x1b[01;01H\xffBdsDxe: loading\n").serial(),
    "results before the header": replace(GOOD, before="ok 1 map_to.maps\n1..9\n").serial(),
    "diagnostics": with_results("# note", *GOOD.results[:2], "#", GOOD.results[2]).serial(),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_the_wire_allows_is_green(case: str) -> None:
    assert kind(ended(ALLOWED[case])) is Kind.PASSED


def test_one_test_alone_is_green() -> None:
    log = Log(results=("ok 1 map_to.maps",))
    assert judge(ended(log), ["map_to.maps"]).green


BROKEN: dict[str, tuple[Kind, Outcome]] = {
    "a test failed": (Kind.FAILED, ended(FAILING, EXIT_FAIL)),
    "a panic": (Kind.PANICKED, ended((BOOT_LOG + "PANIC: out of frames\n").encode(), EXIT_PANIC)),
    "a panic without a word": (Kind.PANICKED, ended(b"", EXIT_PANIC)),
    "panic after a complete report": (Kind.PANICKED, ended(GOOD, EXIT_PANIC)),
    "a panic behind terminal escapes": (
        Kind.CONTRADICTORY,
        ended(replace(GOOD, before="\x1b[2J\rPANIC: x\n")),
    ),
    "panic, then no end": (Kind.PANICKED, killed(b"EXCEPTION: PAGE FAULT\n", Stop.SILENCE)),
    "a reset after a panic": (Kind.TRIPLE_FAULT, ended(b"PANIC: x\n", 0)),
    "reset in the boot": (Kind.TRIPLE_FAULT, ended(BOOT_LOG.encode(), 0)),
    "reset after a complete report": (Kind.TRIPLE_FAULT, ended(GOOD, 0)),
    "no output for too long": (Kind.HUNG, killed(BOOT_LOG.encode(), Stop.SILENCE)),
    "output without end": (Kind.HUNG, killed(BOOT_LOG.encode(), Stop.LIMIT)),
    "complete report, then no end": (Kind.HUNG, killed(GOOD.serial(), Stop.SILENCE)),
    "nothing at all, ever": (Kind.HUNG, killed(b"", Stop.SILENCE)),
    "exit without output": (Kind.SILENT, ended(b"")),
    "exit after the boot log": (Kind.SILENT, ended(BOOT_LOG.encode())),
    "no summary": (Kind.TRUNCATED, ended(replace(GOOD, summary=""))),
    "cut in a result": (Kind.TRUNCATED, ended(GOOD.serial().partition(b"map.unmaps")[0])),
    "cut in the summary": (Kind.TRUNCATED, ended(GOOD.serial()[:-5])),
    "header only": (Kind.TRUNCATED, ended(b"KTAP version 1\n")),
    "fewer results than planned": (Kind.TRUNCATED, ended(replace(GOOD, plan="1..4\n"))),
    "flood": (Kind.GARBLED, killed(b"x" * 100, Stop.FLOOD)),
    "damaged header": (Kind.GARBLED, ended(replace(GOOD, header="KTAP versjon 1\n"))),
    "two headers": (Kind.GARBLED, ended(replace(GOOD, header="KTAP version 1\n" * 2))),
    "two reports": (Kind.GARBLED, ended(GOOD.serial() * 2)),
    "wrong checksum": (Kind.GARBLED, ended(replace(GOOD, crc=0x12345678))),
    "a report of another boot": (Kind.GARBLED, ended(replace(GOOD, key=KEY + 1))),
    "a report that nothing has signed": (Kind.CONTRADICTORY, ended(replace(GOOD, key=None))),
    "a failure that nothing has signed": (
        Kind.CONTRADICTORY,
        ended(replace(FAILING, key=None), EXIT_FAIL),
    ),
    "a report of another boot before that of this": (
        Kind.GARBLED,
        ended(replace(GOOD, before=replace(GOOD, key=KEY + 1).text())),
    ),
    "noise in the report": (Kind.GARBLED, ended(replace(GOOD, plan="1..3\n\x80\n"))),
    "free text in the report": (Kind.GARBLED, ended(replace(GOOD, plan="1..3\nhello\n"))),
    "no plan": (Kind.GARBLED, ended(replace(GOOD, plan=""))),
    "a summary alone": (Kind.GARBLED, ended(replace(GOOD, plan="", results=()))),
    "two plans": (Kind.GARBLED, ended(replace(GOOD, plan="1..3\n1..3\n"))),
    "results out of order": (Kind.GARBLED, ended(with_results(*GOOD.results[::-1]))),
    "text after the summary": (Kind.GARBLED, ended(replace(GOOD, after="bye\n"))),
    "two summaries": (Kind.GARBLED, ended(replace(GOOD, after=GOOD.text().splitlines()[-1]))),
    "malformed summary": (Kind.GARBLED, ended(replace(GOOD, summary="# summary: all well\n"))),
    "more results than planned": (Kind.CONTRADICTORY, ended(replace(GOOD, plan="1..2\n"))),
    "failure, but exit status pass": (Kind.CONTRADICTORY, ended(FAILING, EXIT_PASS)),
    "no failure, but exit status fail": (Kind.CONTRADICTORY, ended(GOOD, EXIT_FAIL)),
    "a panic, but exit status pass": (
        Kind.CONTRADICTORY,
        ended(replace(GOOD, before="PANIC: x\n")),
    ),
    "an exception, but exit status fail": (
        Kind.CONTRADICTORY,
        ended(replace(FAILING, before="EXCEPTION: x\n"), EXIT_FAIL),
    ),
    "skipped and failed": (
        Kind.CONTRADICTORY,
        ended(with_results(*GOOD.results[:2], "not ok 3 vga.shows_text # SKIP x"), EXIT_FAIL),
    ),
    "one name twice": (
        Kind.CONTRADICTORY,
        ended(with_results("ok 1 map_to.maps", "ok 2 map_to.maps")),
    ),
    "another test": (Kind.WRONG_TEST, ended(with_results("ok 1 map_to.flushes"))),
    "one test too few": (Kind.WRONG_TEST, ended(with_results(*GOOD.results[:2]))),
    "one test too many": (
        Kind.WRONG_TEST,
        ended(with_results(*GOOD.results, "ok 4 map_to.flushes")),
    ),
    "a silent skip": (
        Kind.WRONG_SKIP,
        ended(with_results(GOOD.results[0], "ok 2 unmap.unmaps # SKIP", GOOD.results[2])),
    ),
    "no skip where one is due": (
        Kind.WRONG_SKIP,
        ended(with_results(*GOOD.results[:2], "ok 3 vga.shows_text")),
    ),
    "empty plan": (Kind.NO_TESTS, ended(Log(results=()))),
    "refused command line": (Kind.BAD_REQUEST, ended(BOOT_LOG.encode(), EXIT_BAD_REQUEST)),
    "QEMU missing": (Kind.QEMU_MISSING, Outcome(Stop.MISSING, None, b"", "QEMU is missing")),
    "QEMU refuses its arguments": (Kind.QEMU_DIED, ended(b"", 1, "qemu: invalid option")),
    "QEMU crashes": (Kind.QEMU_DIED, ended(GOOD, -11)),
    "the kernel itself tells of a hang": (Kind.HUNG, ended(HANGING, EXIT_FAIL)),
    "KVM gives up": (
        Kind.QEMU_DIED,
        replace(killed(BOOT_LOG.encode(), Stop.GAVE_UP), stderr="KVM internal error"),
    ),
    "QEMU ends with 1 without a word": (Kind.QEMU_DIED, ended(b"", 1)),
    "a signal without a name": (Kind.QEMU_DIED, ended(GOOD, -99)),
    "QEMU is told to end": (Kind.QEMU_DIED, ended(GOOD, 0, "qemu: terminating on signal 15")),
    "a debug-exit value that has no meaning": (Kind.QEMU_DIED, ended(GOOD, 41)),
}
BROKEN |= {
    f"summary with '{wrong}'": (
        Kind.CONTRADICTORY,
        ended(GOOD.text().replace(right, wrong).encode()),
    )
    for right, wrong in (
        ("planned=3", "planned=4"),
        ("passed=2", "passed=3"),
        ("failed=0", "failed=1"),
        ("skipped=1", "skipped=0"),
    )
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_way_of_breaking_it_has_its_kind(case: str) -> None:
    expected, outcome = BROKEN[case]
    verdict = judge(outcome, RUNS, SKIPS)
    assert verdict.kind is expected, verdict.message
    assert verdict.message.startswith(f"{expected.value}: ")


REASONS = {
    "exit without output": "no serial output at all",
    "exit after the boot log": "21 bytes of serial output but no 'KTAP version 1'",
    "a panic": "PANIC: out of frames, before the first result",
    "a panic without a word": "by its exit status, without a line that says so",
    "panic after a complete report": "after 'ok 3 vga.shows_text # SKIP no VGA'",
    "a reset after a panic": "the log has 'PANIC: x'",
    "skipped and failed": "a test both skipped and failed",
    "failure, but exit status pass": "exit status 33 claims that all passed, 1 failed",
    "no failure, but exit status fail": "exit status 35 claims a failure, 0 failed",
    "the kernel itself tells of a hang": (
        "unmap.unmaps runs for more than 500 ms; it is at\n  #     0x12 spin+0x2"
    ),
    "no output for too long": "no output for 2.0 s before the first result; killed",
    "output without end": "still running at its limit, after 9.0 s, before the first result",
    "KVM gives up": "QEMU gave up, before the first result: KVM internal error",
    "QEMU refuses its arguments": "QEMU refused to go on, before the first result: qemu: invalid",
    "QEMU ends with 1 without a word": "before the first result without a word",
    "QEMU is told to end": "QEMU was told to end, after 'ok 3 vga",
    "a report of another boot": "damaged, or made without the key of this boot",
    "a report that nothing has signed": "the summary is not signed with the key of this boot",
    "another test": "unmap.unmaps, vga.shows_text; not asked for: map_to.flushes",
    "one test too few": "missing: vga.shows_text",
    "one test too many": "not asked for: map_to.flushes",
    "QEMU crashes": "QEMU was ended by SIGSEGV",
    "a signal without a name": "QEMU was ended by 99",
}


@pytest.mark.parametrize("case", REASONS)
def test_the_reason_says_what_is_wrong(case: str) -> None:
    assert REASONS[case] in judge(BROKEN[case][1], RUNS, SKIPS).reason


def test_only_a_test_away_from_home_may_skip_itself_and_must_say_why() -> None:
    for reason, may_skip, expected in (
        (" # SKIP proves nothing here", ("unmap.unmaps",), Kind.PASSED),
        (" # SKIP proves nothing here", (), Kind.WRONG_SKIP),
        (" # SKIP", ("unmap.unmaps",), Kind.WRONG_SKIP),
    ):
        log = with_results(GOOD.results[0], f"ok 2 unmap.unmaps{reason}", GOOD.results[2])
        verdict = judge(ended(log), RUNS, SKIPS, may_skip)
        assert verdict.kind is expected, verdict.message
        assert not verdict.green or verdict.reason == "1 passed, 2 skipped"


def test_the_environment_is_at_fault_when_there_was_no_machine() -> None:
    at_fault = {name for name in BROKEN if judge(BROKEN[name][1], RUNS, SKIPS).environment_at_fault}
    assert at_fault == {
        "QEMU missing", "QEMU refuses its arguments", "QEMU ends with 1 without a word",
    }


def test_each_kind_but_passed_has_a_case() -> None:
    assert {expected for expected, _ in BROKEN.values()} == set(Kind) - {Kind.PASSED}


def test_nothing_asked_for_is_not_green() -> None:
    assert judge(ended(GOOD), [], []).kind is Kind.WRONG_TEST


def test_every_exit_status_but_one_is_red_after_a_good_report() -> None:
    green = [status for status in range(-64, 256) if kind(ended(GOOD, status)) is Kind.PASSED]
    assert green == [EXIT_PASS]


def test_a_log_cut_anywhere_is_red() -> None:
    serial = GOOD.serial()
    green = [length for length in range(len(serial)) if kind(ended(serial[:length])) is Kind.PASSED]
    assert green == []


def test_a_flipped_bit_anywhere_in_the_report_is_red() -> None:
    serial = GOOD.serial()
    for position in range(serial.index(b"KTAP"), len(serial)):
        for bit in range(8):
            damaged = bytearray(serial)
            damaged[position] ^= 1 << bit
            assert kind(ended(bytes(damaged))) is not Kind.PASSED, bytes(damaged)


def test_a_report_with_another_key_is_red() -> None:
    for bit in range(64):
        assert kind(ended(replace(GOOD, key=KEY ^ 1 << bit))) is Kind.GARBLED


def test_each_boot_has_a_key_of_its_own_that_the_kernel_takes() -> None:
    keys = [draw_key() for _ in range(100)]
    assert len(set(keys)) == len(keys) and all(0 < key < 1 << 64 for key in keys)
    assert key_word(0x1F) == "key=0x000000000000001f"


def test_a_line_lost_doubled_or_swapped_is_red() -> None:
    lines = replace(GOOD, before="").serial().splitlines(keepends=True)
    for index in range(len(lines)):
        lost = lines[:index] + lines[index + 1 :]
        doubled = lines[: index + 1] + lines[index:]
        swapped = lines[:index] + lines[index : index + 2][::-1] + lines[index + 2 :]
        for damaged in (lost, doubled, swapped):
            assert damaged == lines or kind(ended(b"".join(damaged))) is not Kind.PASSED, damaged


def test_the_message_shows_diagnostics_log_and_command() -> None:
    outcome = replace(ended(FAILING, EXIT_FAIL, "a warning"), command=("qemu", "-m", "64M"))
    message = judge(outcome, RUNS, SKIPS).message
    for result in FAILING.results[1:3]:
        assert f"\n  {result}" in message
    for text in ("  | Memory map", "  | a warning", "qemu -m 64M"):
        assert text in message


def test_the_message_shows_a_panic_from_its_first_line() -> None:
    report = "PANIC: x\n" + "".join(f"  register {number}\n" for number in range(70))
    before = "".join(f"line {number}\n" for number in range(100))
    message = judge(ended((before + report).encode(), EXIT_PANIC), RUNS, SKIPS).message
    shown = [line for line in message.splitlines() if line.startswith("  | ")]
    assert (shown[0], shown[-1], len(shown)) == ("  | PANIC: x", "  |   register 69", 71)
    assert "the last 71 of 171 lines" in message


def test_the_message_leaves_out_what_there_is_none_of() -> None:
    message = judge(ended(b""), RUNS, SKIPS).message
    assert message == "silent: no serial output at all"


def test_a_log_for_people_is_printable() -> None:
    assert text_lines(b"\x1b[2J\x1b[01;01HAssay\r\n\r\x80\n\nend\n") == ["Assay", "\\x80", "", "end"]


def test_a_hang_says_how_far_it_got() -> None:
    serial = GOOD.serial()
    verdict = judge(killed(serial.partition(b"ok 3")[0], Stop.SILENCE), RUNS, SKIPS)
    assert "after 'ok 2 unmap.unmaps'" in verdict.reason


def test_a_list_is_read_and_a_damaged_one_refused() -> None:
    good = b"Assay\r\nKTAP version 1\r\n1..0 # list\r\n# test a.b\r\n# test c.d\r\n"
    assert parse_list(good) == ("a.b", "c.d")
    for damaged in (b"", good[:-3], good.replace(b" # list", b""), good.replace(b"# test c", b"c")):
        with pytest.raises(WireError):
            parse_list(damaged)
