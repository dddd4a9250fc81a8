"""The KTAP report in the test image's serial log, with every check that needs no other evidence.

Pure: bytes in, a Report out, or a WireError that says which kind of failure the bytes prove.

    KTAP version 1
    1..3
    # any diagnostic line
    ok 1 suite.sentence
    not ok 2 suite.sentence
    ok 3 suite.sentence # SKIP reason
    # summary: planned=3 passed=1 failed=1 skipped=1 crc32=89abcdef

What comes before the header is the boot log and the firmware's chatter: free text. From the header
on each line is one of the above, in printable ASCII; the summary is last. The checksum covers the
result lines, each with one newline and no carriage return, and then the eight bytes of the key that
the runner gave to this boot, the lowest first.
"""

from __future__ import annotations

import enum
import re
import secrets
import zlib
from dataclasses import dataclass

from harness.host.text import text_lines

HEADER = "KTAP version 1"
KEY_BYTES = 8
KEY_MAX = (1 << 8 * KEY_BYTES) - 1
PLAN = re.compile(r"1\.\.(0|[1-9]\d*)")
RESULT = re.compile(r"(ok|not ok) ([1-9]\d*) (\S+)( # SKIP(?: .*)?)?")
SUMMARY_PREFIX = "# summary:"
SUMMARY = re.compile(
    SUMMARY_PREFIX
    + r" planned=(\d+) passed=(\d+) failed=(\d+) skipped=(\d+) crc32=([0-9a-f]{8})"
)
LIST_PLAN = "1..0 # list"
LIST_PREFIX = "# test "
# The kernel's own report of a test that takes too long, and where it is.
HUNG_PREFIX = "# hung: "

# For logs that may be damaged and as long as the runner's limit: searched as bytes.
RESULT_IN_BYTES = re.compile(
    rb"^((?:not )?ok [1-9][0-9]* [!-~]+(?: # SKIP[ -~]*)?)\r?\n", re.MULTILINE
)
PANIC_IN_BYTES = re.compile(
    rb"^(?:\r|\x1b\[[0-9;=?]*[A-Za-z])*(?:PANIC|EXCEPTION): [^\n]*", re.MULTILINE
)


class Kind(enum.Enum):
    """What came of a boot. Everything but PASSED is a failure."""

    PASSED = "passed"
    FAILED = "failed"
    PANICKED = "panicked"
    TRIPLE_FAULT = "triple fault"
    HUNG = "hung"
    SILENT = "silent"
    TRUNCATED = "truncated"
    GARBLED = "garbled"
    CONTRADICTORY = "contradictory"
    WRONG_TEST = "wrong test"
    WRONG_SKIP = "wrong skip"
    NO_TESTS = "no tests"
    BAD_REQUEST = "bad request"
    QEMU_MISSING = "QEMU missing"
    QEMU_DIED = "QEMU died"


class WireError(Exception):
    """The serial log is no complete and consistent report."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


@dataclass(frozen=True)
class Result:
    """One result line, with the diagnostic lines that came before it."""

    number: int
    name: str
    ok: bool
    skipped: bool
    diagnostics: tuple[str, ...]
    line: str


@dataclass(frozen=True)
class Summary:
    planned: int
    passed: int
    failed: int
    skipped: int
    crc32: int


@dataclass(frozen=True)
class Report:
    """A complete report: plan, results numbered 1..plan, and a summary that agrees with both."""

    results: tuple[Result, ...]
    summary: Summary


def report_lines(serial: bytes) -> list[str]:
    """The lines after the KTAP header.

    Raises SILENT without a header, GARBLED or TRUNCATED for damaged lines.
    """
    *finished, tail = (line[:-1] if line.endswith(b"\r") else line for line in serial.split(b"\n"))
    header = HEADER.encode()
    if header not in finished:
        if b"KTAP" in serial:
            raise WireError(Kind.GARBLED, f"the header is not the line '{HEADER}'")
        if not serial:
            raise WireError(Kind.SILENT, "no serial output at all")
        raise WireError(Kind.SILENT, f"{len(serial)} bytes of serial output but no '{HEADER}'")
    lines = []
    for raw in finished[finished.index(header) + 1 :]:
        if not all(0x20 <= byte < 0x7F for byte in raw):
            raise WireError(Kind.GARBLED, f"a line of the report is not printable ASCII: {raw!r}")
        lines.append(raw.decode("ascii"))
    if tail:
        cut = Kind.GARBLED if lines and lines[-1].startswith(SUMMARY_PREFIX) else Kind.TRUNCATED
        raise WireError(cut, f"the last line has no end: {tail!r}")
    return lines


def draw_key() -> int:
    """A key for one boot. It goes to the kernel as the word that `key_word` makes."""
    return secrets.randbelow(KEY_MAX) + 1


def key_word(key: int) -> str:
    return f"key=0x{key:016x}"


def parse(serial: bytes, key: int) -> Report:
    """The report in a serial log, if its plan, numbering, counts and checksum all agree.

    key: what the boot was given to sign it with. Raises WireError otherwise.
    """
    lines = report_lines(serial)
    plan: int | None = None
    results: list[Result] = []
    diagnostics: list[str] = []
    summary: Summary | None = None
    for line in lines:
        if summary is not None:
            raise WireError(Kind.GARBLED, f"text after the summary: '{line}'")
        if line.startswith(SUMMARY_PREFIX):
            summary = _summary(line)
        elif line.startswith("#"):
            diagnostics.append(line)
        elif plan is None:
            plan = _plan(line)
        else:
            results.append(_result(line, len(results) + 1, tuple(diagnostics)))
            diagnostics = []
    if plan == 0:
        raise WireError(Kind.NO_TESTS, "the plan is 1..0: no test was selected")
    if summary is None:
        text = f"no summary line; {len(results)} of {plan or '?'} results arrived"
        raise WireError(Kind.TRUNCATED, text)
    if plan is None:
        raise WireError(Kind.GARBLED, "a summary without a plan")
    _check(plan, results, summary, key)
    return Report(tuple(results), summary)


def parse_list(serial: bytes) -> tuple[str, ...]:
    """The names that the test image prints for `list`. Raises WireError for a damaged list."""
    lines = report_lines(serial)
    if not lines or lines[0] != LIST_PLAN:
        raise WireError(Kind.GARBLED, f"a list must begin with '{LIST_PLAN}'")
    for line in lines[1:]:
        if not line.startswith(LIST_PREFIX):
            raise WireError(Kind.GARBLED, f"no line of a list: '{line}'")
    return tuple(line[len(LIST_PREFIX) :] for line in lines[1:])


def last_result(serial: bytes) -> str | None:
    """The last whole result line of a log that may be damaged: how far a failed boot had got."""
    last = None
    for last in RESULT_IN_BYTES.finditer(serial):
        pass
    return last[1].decode("ascii") if last else None


def panic_line(serial: bytes) -> str | None:
    """The first line that announces a panic or an exception."""
    match = PANIC_IN_BYTES.search(serial)
    return text_lines(match[0])[0] if match else None


def hung_report(serial: bytes) -> str | None:
    """What the kernel says of a test that takes too long, up to that test's result."""
    start = serial.rfind(f"\n{HUNG_PREFIX}".encode())
    if start < 0:
        return None
    lines = []
    for line in text_lines(serial[start + 1 :]):
        if not line.startswith("#") or line.startswith(SUMMARY_PREFIX):
            break
        lines.append(line)
    return "\n  ".join((lines[0][len(HUNG_PREFIX) :], *lines[1:]))


def crc32_of(lines: list[str]) -> int:
    """The checksum of result lines alone."""
    return zlib.crc32("".join(line + "\n" for line in lines).encode("ascii"))


def signed_crc32(crc32: int, key: int) -> int:
    """The checksum of a summary, from that of the result lines."""
    return zlib.crc32(key.to_bytes(KEY_BYTES, "little"), crc32)


def _plan(line: str) -> int:
    match = PLAN.fullmatch(line)
    if match is None:
        raise WireError(Kind.GARBLED, f"a plan '1..N' must come before '{line}'")
    return int(match[1])


def _summary(line: str) -> Summary:
    match = SUMMARY.fullmatch(line)
    if match is None:
        raise WireError(Kind.GARBLED, f"no well-formed summary: '{line}'")
    return Summary(int(match[1]), int(match[2]), int(match[3]), int(match[4]), int(match[5], 16))


def _result(line: str, number: int, diagnostics: tuple[str, ...]) -> Result:
    match = RESULT.fullmatch(line)
    if match is None:
        raise WireError(Kind.GARBLED, f"neither a result nor a diagnostic: '{line}'")
    if int(match[2]) != number:
        raise WireError(Kind.GARBLED, f"result {number} should come where '{line}' stands")
    ok, skipped = match[1] == "ok", match[4] is not None
    if skipped and not ok:
        raise WireError(Kind.CONTRADICTORY, f"a test both skipped and failed: '{line}'")
    return Result(number, match[3], ok, skipped, diagnostics, line)


def _check(plan: int, results: list[Result], summary: Summary, key: int) -> None:
    """Transport before meaning: a bad checksum makes every other disagreement unreliable."""
    unsigned = crc32_of([result.line for result in results])
    crc = signed_crc32(unsigned, key)
    if unsigned == summary.crc32 != crc:
        text = "the summary is not signed with the key of this boot: it is not from the end of the run"
        raise WireError(Kind.CONTRADICTORY, text)
    if summary.crc32 != crc:
        text = (
            f"the result lines have crc32 {crc:08x} with the key of this boot, the summary says "
            f"{summary.crc32:08x}: damaged, or made without the key of this boot"
        )
        raise WireError(Kind.GARBLED, text)
    if len(results) < plan:
        raise WireError(Kind.TRUNCATED, f"only {len(results)} of {plan} planned results")
    skipped = sum(result.skipped for result in results)
    failed = sum(not result.ok for result in results)
    counted = (len(results), len(results) - failed - skipped, failed, skipped)
    claimed = (summary.planned, summary.passed, summary.failed, summary.skipped)
    if plan != len(results) or counted != claimed:
        text = (
            f"plan 1..{plan}; (planned, passed, failed, skipped) are {counted} in the lines, "
            f"{claimed} in the summary"
        )
        raise WireError(Kind.CONTRADICTORY, text)
    seen = [result.name for result in results]
    if len(set(seen)) != len(seen):
        twice = sorted({name for name in seen if seen.count(name) > 1})
        raise WireError(Kind.CONTRADICTORY, f"more than one result for {', '.join(twice)}")
