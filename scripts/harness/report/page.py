"""One page of a test run, from pytest's JUnit file and the artefacts of its failures.

The page needs no network and no other file to be read; what it links to lies beside it. It shows
only artefacts of the run itself: those that the run's own messages name and that were made in it.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.machine.project import project
from harness.host.text import text_lines
from harness.report.junit import RED, VERDICTS, InnerResult, Item, TestRun

TEMPLATE = "report.html.j2"
SLOWEST = 15
# In the page: of one text or message, of one picture, and of all failures together.
TEXT_BYTES_MAX = 32 << 10
PICTURE_BYTES_MAX = 1 << 20
PAGE_BYTES_MAX = 8 << 20
# A file system may keep times in steps of two seconds.
CLOCK_SLACK_S = 2.0

KEPT = re.compile(r"^artefacts: (?:.*/)?(\w[\w.-]*)/ \(", re.MULTILINE)
COMMANDS = re.compile(r"^(again|under gdb|the second boot's end in gdb): (.+)$", re.MULTILINE)
# What a message says of these, the page shows in another place.
SHOWN_ELSEWHERE = re.compile(f"(?m)(?:{KEPT.pattern}|{COMMANDS.pattern}).*\\n?")
LOGS = ("serial.log", "repeat-serial.log")
TEXTS = ("backtrace.txt", *LOGS, "registers.txt", "tlb.txt", "mem.txt", "page-tables.txt")
PICTURES = {"screen.png": "image/png", "page-tables.svg": "image/svg+xml"}


@dataclass(frozen=True)
class Text:
    """A text in the page. cut: what is missing from it, or nothing."""

    name: str
    text: str
    cut: str


@dataclass(frozen=True)
class Picture:
    name: str
    url: str


@dataclass(frozen=True)
class Evidence:
    """What is left of a failure. links: name and relative address of each file."""

    note: str = ""
    texts: tuple[Text, ...] = ()
    pictures: tuple[Picture, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Failure:
    item: Item
    message: Text
    commands: tuple[tuple[str, str], ...]
    evidence: Evidence


class Collector:
    """Reads the artefacts of failures, and counts what they add to the page."""

    def __init__(self, run: TestRun, artifacts: Path, page: Path) -> None:
        self.run = run
        self.artifacts = artifacts
        self.page = page
        self.room = PAGE_BYTES_MAX
        self.shown: set[str] = set()

    def failure(self, item: Item) -> Failure:
        commands = tuple((match[1], match[2]) for match in COMMANDS.finditer(item.message))
        if not any(name == "again" for name, _ in commands):
            pytest = ["/usr/bin/python3", "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir=."]
            commands += (("again", shlex.join([*pytest, item.node])),)
        message = SHOWN_ELSEWHERE.sub("", item.message).encode("utf-8", "replace")
        text = message[:TEXT_BYTES_MAX].decode("utf-8", "ignore")
        cut = _cut(len(message), TEXT_BYTES_MAX, "first")
        return Failure(item, Text("message", text, cut), commands, self._evidence(item))

    def _evidence(self, item: Item) -> Evidence:
        match = KEPT.search(item.message)
        if match is None:
            return Evidence()
        directory = self.artifacts / match[1]
        try:
            made = (directory / "verdict.txt").stat().st_mtime
            files = sorted(path for path in directory.iterdir() if path.is_file())
        except OSError:
            return Evidence(f"The artefacts that it names are gone: {match[1]}")
        end = self.run.started + self.run.seconds
        if not self.run.started - CLOCK_SLACK_S <= made <= end + CLOCK_SLACK_S:
            when = _date(made)
            return Evidence(f"The artefacts in {match[1]} are of another run ({when}): not shown")
        self.shown.add(match[1])
        links = tuple((path.name, self._link(path)) for path in files)
        names = {path.name for path in files}
        texts = [self._text(directory / name) for name in TEXTS if name in names]
        pictures = [self._picture(directory / name) for name in PICTURES if name in names]
        return Evidence(
            "",
            tuple(text for text in texts if text is not None),
            tuple(picture for picture in pictures if picture is not None),
            links,
        )

    def _link(self, path: Path) -> str:
        return quote(os.path.relpath(path, self.page.parent))

    def _text(self, path: Path) -> Text | None:
        """The end of a log, the beginning of any other text; None if the page is full."""
        log = path.name in LOGS
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TEXT_BYTES_MAX, 0) if log else 0)
            data = file.read(TEXT_BYTES_MAX)
        if len(data) > self.room:
            return None
        self.room -= len(data)
        return Text(path.name, "\n".join(text_lines(data)) if data else "(empty)",
                    _cut(size, TEXT_BYTES_MAX, "last" if log else "first"))

    def _picture(self, path: Path) -> Picture | None:
        size = path.stat().st_size
        if not 0 < size <= min(PICTURE_BYTES_MAX, self.room):
            return None
        self.room -= size
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        return Picture(path.name, f"data:{PICTURES[path.name]};base64,{data}")

    def strangers(self) -> list[str]:
        """Artefacts that no failure of this run has."""
        if not self.artifacts.is_dir():
            return []
        names = {path.name for path in self.artifacts.iterdir() if path.is_dir()}
        return sorted(name for name in names - self.shown if not name.startswith("."))


def _cut(size: int, limit: int, end: str) -> str:
    return f"the {end} {limit >> 10} KiB of {size >> 10}" if size > limit else ""


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _tally(verdicts: Iterable[str]) -> dict[str, int]:
    """Counts by verdict, the bad ones first, without zeros."""
    found = Counter(verdicts)
    return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}


def _inner_results(run: TestRun) -> list[tuple[str, InnerResult]]:
    return [(item.profile, result) for item in run.items for result in item.results]


def kernel_matrix(run: TestRun) -> tuple[list[str], dict[str, dict[str, dict[str, int]]]]:
    """Machines, and for each suite of tests in the kernel the counts on each machine."""
    verdicts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in run.items:
        if item.in_kernel:
            verdicts[item.suite][item.profile].append(item.verdict)
    for profile, result in _inner_results(run):
        verdicts[result.suite][profile].append(result.verdict)
    seen = {profile for row in verdicts.values() for profile in row}
    machines = project().machines
    profiles = [name for name in machines if name in seen] + sorted(seen - set(machines))
    rows = {
        suite: {profile: _tally(cells) for profile, cells in verdicts[suite].items()}
        for suite in sorted(verdicts)
    }
    return profiles, rows


def host_suites(run: TestRun) -> list[tuple[str, dict[str, int], float]]:
    """Each suite on the host: its counts and seconds."""
    items: dict[str, list[Item]] = defaultdict(list)
    for item in run.items:
        if not item.in_kernel:
            items[item.suite].append(item)
    return [
        (suite, _tally(item.verdict for item in group), sum(item.seconds for item in group))
        for suite, group in sorted(items.items())
    ]


def inner_skips(run: TestRun) -> list[tuple[str, str, list[str]]]:
    """In boots of the whole suite: machine, reason, and the tests skipped there for it."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for profile, result in _inner_results(run):
        if result.verdict == "skipped":
            found[profile, result.reason].append(result.name)
    return [(profile, reason, names) for (profile, reason), names in found.items()]


def render(run: TestRun, artifacts: Path, page: Path) -> str:
    """The page as text. page: where it will be, for its links."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    collector = Collector(run, artifacts, page)
    failures = [collector.failure(item) for item in run.items if item.verdict in RED]
    profiles, matrix = kernel_matrix(run)
    return environment.get_template(TEMPLATE).render(
        run=run,
        verdicts=VERDICTS,
        date=_date(run.started),
        failures=failures,
        strangers=collector.strangers(),
        profiles=profiles,
        matrix=matrix,
        host=host_suites(run),
        skipped=[item for item in run.items if item.verdict in ("skipped", "xfailed")],
        inner_skips=inner_skips(run),
        inner=_tally(result.verdict for _, result in _inner_results(run)),
        slowest=sorted(run.items, key=lambda item: -item.seconds)[:SLOWEST],
        total_seconds=sum(item.seconds for item in run.items),
    )
