"""The verdict on one boot of the test image: green only when all the evidence agrees.

Pure: an Outcome (what QEMU did) and the tests that were asked for go in, a Verdict comes out. The
evidence is the exit status, the plan, each test's own line, the summary's counts and its checksum, which
the boot has signed with its key.
"""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from harness.host.text import text_lines
from harness.qemu.outcome import Outcome, Stop
from harness.verdict.ktap import (
    Kind,
    Report,
    Result,
    WireError,
    hung_report,
    last_result,
    panic_line,
    parse,
)

# isa-debug-exit turns the byte v written to its port into the exit status 2 * v + 1.
EXIT_PASS = 2 * 0x10 + 1
EXIT_FAIL = 2 * 0x11 + 1
EXIT_PANIC = 2 * 0x12 + 1
EXIT_BAD_REQUEST = 2 * 0x13 + 1
# QEMU's own status for arguments, files or devices that it cannot use.
EXIT_QEMU_REFUSES = 1

TAIL_BYTES = 1 << 14
TAIL_LINES = 30
# A panic is shown from its first line on, if it is not longer than this.
PANIC_LINES = 80
LINE_LENGTH = 300
NEWLINE = b"\n"
INDENT = "  "
SKIP_ALONE = "# SKIP"
# What the kernel prints of a test that has failed, and of one that was to fail.
TOLD_FAILURE = re.compile(r"# (.+:\d+: .* does not hold\b|subcase .*: not ok$|left behind: )")
TOLD_EXPECTED = "# failed as expected: "


@dataclass(frozen=True)
class Verdict:
    """Kind and reason. `results` holds the result lines whenever they can be trusted.

    places: lines of the log that name calls, each with the line that also has file and line. notes:
    what else helps: where the evidence is, how to see it again.
    """

    kind: Kind
    reason: str
    outcome: Outcome
    results: tuple[Result, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        return self.kind is Kind.PASSED

    @property
    def environment_at_fault(self) -> bool:
        """True when QEMU is not there, or ended before there was a machine."""
        if self.kind is Kind.QEMU_MISSING:
            return True
        return self.kind is Kind.QEMU_DIED and self.outcome.status == EXIT_QEMU_REFUSES

    @property
    def message(self) -> str:
        """For people: kind, reason, end of the serial log, QEMU's words, its command, the notes."""
        parts = [f"{self.kind.value}: {self._located(self.reason)}"]
        serial = self.outcome.serial
        said = self.outcome.stderr.strip().splitlines()
        if serial:
            lines = _log_tail(serial)
            parts.append(f"serial log, the last {len(lines)} of {serial.count(NEWLINE)} lines:")
            parts.extend(f"  | {self.places.get(line, line[:LINE_LENGTH])}" for line in lines)
        if said:
            parts.append("QEMU said:")
            parts.extend(f"  | {line[:LINE_LENGTH]}" for line in said[-TAIL_LINES:])
        if self.outcome.command:
            parts.append(f"command: {shlex.join(self.outcome.command)}")
        parts.extend(self.notes)
        return "\n".join(parts)

    def _located(self, reason: str) -> str:
        """The reason, in which lines of the log are indented, with the places of its calls."""
        lines = []
        for line in reason.split("\n"):
            bare = line.removeprefix(INDENT)
            lines.append(line.removesuffix(bare) + self.places.get(bare, bare))
        return "\n".join(lines)


def _log_tail(serial: bytes) -> list[str]:
    """The end of the log, with all of a panic's report."""
    lines = text_lines(serial[-TAIL_BYTES:])
    panic = panic_line(serial)
    from_panic = len(lines) - lines.index(panic) if panic in lines else 0
    return lines[-max(TAIL_LINES, min(from_panic, PANIC_LINES)) :]


def judge(
    outcome: Outcome,
    runs: Collection[str],
    skips: Collection[str] = (),
    may_skip: Collection[str] = (),
    *,
    key: int,
) -> Verdict:
    """The verdict on a boot that was asked for exactly the tests `runs` and `skips`.

    runs: names of the tests that the machine can run, and that must pass. skips: names of those
    that require what the machine lacks, and that must be reported as skipped. may_skip: those of
    `runs` that may find out by themselves that they prove nothing on this machine, and say why.
    key: what the boot was given to sign its report with.
    """
    try:
        _check_ending(outcome)
        report = parse(outcome.serial, key)
        _check_exit(outcome, report)
        _check_tests(report, set(runs), set(skips))
        _check_diagnostics(report)
    except WireError as error:
        return Verdict(error.kind, error.text, outcome)
    failed = [result for result in report.results if not result.ok]
    if failed:
        lines = [line for result in failed for line in (*result.diagnostics, result.line)]
        reason = f"\n{INDENT}".join((f"{len(failed)} of {len(report.results)} tests", *lines))
        return Verdict(Kind.FAILED, reason, outcome, report.results)
    wrong = _wrong_skips(report, set(skips), set(may_skip))
    if wrong:
        return Verdict(Kind.WRONG_SKIP, wrong, outcome, report.results)
    skipped = sum(result.skipped for result in report.results)
    reason = f"{len(report.results) - skipped} passed, {skipped} skipped"
    return Verdict(Kind.PASSED, reason, outcome, report.results)


def _check_ending(outcome: Outcome) -> None:
    """Raises for every way of ending but the two debug-exit values that promise a report."""
    status, stop = outcome.status, outcome.stop
    last = last_result(outcome.serial)
    where = f"after '{last}'" if last else "before the first result"
    panic = panic_line(outcome.serial)
    also = f"; the log has '{panic}'" if panic else ""
    if stop is Stop.MISSING:
        raise WireError(Kind.QEMU_MISSING, outcome.stderr.strip() or stop.value)
    if stop is Stop.FLOOD:
        text = f"a flood: {len(outcome.serial)} bytes of output, {where}{also}"
        raise WireError(Kind.GARBLED, text)
    said = outcome.stderr.strip().splitlines()
    if stop is Stop.GAVE_UP:
        told = said[0] if said else "without a word"
        raise WireError(Kind.QEMU_DIED, f"QEMU gave up, {where}: {told}{also}; killed")
    if stop is not Stop.EXITED or status is None:
        if panic:
            raise WireError(Kind.PANICKED, f"'{panic}' {where}, and then no end ({stop.value})")
        raise WireError(Kind.HUNG, f"{_hang(outcome)} {where}; killed")
    if status == EXIT_PANIC:
        text = panic or "by its exit status, without a line that says so"
        raise WireError(Kind.PANICKED, f"{text}, {where}")
    hung = hung_report(outcome.serial) if status == EXIT_FAIL else None
    if hung:
        raise WireError(Kind.HUNG, hung)
    if status == EXIT_BAD_REQUEST:
        text = "the kernel refused its command line (no test of that name?)"
        raise WireError(Kind.BAD_REQUEST, text)
    if status < 0:
        name = signal.Signals(-status).name if -status in list(signal.Signals) else str(-status)
        raise WireError(Kind.QEMU_DIED, f"QEMU was ended by {name}, {where}{also}")
    if status == 0:
        signals = [line for line in said if "terminating on signal" in line]
        if signals:
            text = f"QEMU was told to end, {where}{also}: {signals[0]}"
            raise WireError(Kind.QEMU_DIED, text)
        text = f"the machine reset or shut itself down, {where}{also}"
        raise WireError(Kind.TRIPLE_FAULT, text)
    if status == EXIT_QEMU_REFUSES:
        told = f": {said[-1]}" if said else " without a word"
        raise WireError(Kind.QEMU_DIED, f"QEMU refused to go on, {where}{told}")
    if status not in (EXIT_PASS, EXIT_FAIL):
        text = f"exit status {status} is none of the kernel's, {where}{also}"
        raise WireError(Kind.QEMU_DIED, text)


def _hang(outcome: Outcome) -> str:
    """How it was seen that there would be no end."""
    if outcome.stop is Stop.SILENCE:
        return f"no output for {outcome.quiet_s:.1f} s"
    return f"still running at its limit, after {outcome.seconds:.1f} s,"


def _check_exit(outcome: Outcome, report: Report) -> None:
    """Raises when the exit status and the report tell different stories."""
    panic = panic_line(outcome.serial)
    if panic:
        text = f"'{panic}' in a run that ended as if there had been no panic"
        raise WireError(Kind.CONTRADICTORY, text)
    if (outcome.status == EXIT_PASS) != (report.summary.failed == 0):
        claim = "that all passed" if outcome.status == EXIT_PASS else "a failure"
        text = f"exit status {outcome.status} claims {claim}, {report.summary.failed} failed"
        raise WireError(Kind.CONTRADICTORY, text)


def _check_tests(report: Report, runs: set[str], skips: set[str]) -> None:
    """Raises when other tests reported than were asked for."""
    reported = {result.name for result in report.results}
    missing, extra = sorted((runs | skips) - reported), sorted(reported - runs - skips)
    if missing or extra:
        parts = [f"missing: {', '.join(missing)}"] if missing else []
        parts += [f"not asked for: {', '.join(extra)}"] if extra else []
        raise WireError(Kind.WRONG_TEST, "; ".join(parts))


def _check_diagnostics(report: Report) -> None:
    """Raises when a test is reported as ok though its own lines tell of a failure."""
    for result in report.results:
        told = [line for line in result.diagnostics if TOLD_FAILURE.match(line)]
        known = any(line.startswith(TOLD_EXPECTED) for line in result.diagnostics)
        if result.ok and told and not known:
            raise WireError(Kind.CONTRADICTORY, f"'{result.line}' after '{told[0]}'")


def _wrong_skips(report: Report, skips: set[str], may_skip: set[str]) -> str:
    """What is wrong with the set of skipped tests, or nothing."""
    skipped = {result.name for result in report.results if result.skipped}
    unexplained = {result.name for result in report.results if result.line.rstrip().endswith(SKIP_ALONE)}
    silent = sorted(skipped - skips - (may_skip - unexplained))
    ran = sorted(skips - skipped)
    parts = []
    if silent:
        parts.append(f"skipped on a machine that has all they require: {', '.join(silent)}")
    if ran:
        parts.append(f"run on a machine that should lack what they require: {', '.join(ran)}")
    return "; ".join(parts)
