"""A test run as pytest's JUnit file tells it: one item a test, and how the run ended.

Pure but for reading the file. The properties that say how the run ended, and what each test in a
boot of the whole suite reported, are written by tests/.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

from harness.verdict.ktap import RESULT

VERDICTS = ("failed", "error", "skipped", "xfailed", "passed")
RED = ("failed", "error")
HOST = "host"
WHOLE_SUITE = "(whole suite)"
# pytest's own exit codes.
INTERRUPTED = 2
ENDS = {3: "an error of its own", 4: "wrong use"}

# Of tests/kernel/test_kernel.py and tests/host/test_unit.py: the part in brackets is the test.
KERNEL_TEST = re.compile(r"test\[([a-z0-9-]+?)-([^\s.\[]+)\.(.+)\]")
SUITE_BOOT = re.compile(r"test_suite\[([a-z0-9-]+)\]")
UNIT_TEST = re.compile(r"test\[([^\s.\[]+)\.(.+)\]")


class JunitError(Exception):
    """No file, or none that can be read as a run. One line for the user."""


@dataclass(frozen=True)
class InnerResult:
    """One test's result within a boot of the whole suite. reason: why it was skipped."""

    name: str
    verdict: str
    reason: str

    @property
    def suite(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Item:
    """One pytest item. module: dotted; message: why it failed or was skipped."""

    module: str
    name: str
    verdict: str
    seconds: float
    message: str = ""
    results: tuple[InnerResult, ...] = ()

    @property
    def place(self) -> tuple[str, str, str]:
        """Suite, machine and name within the suite, for people to look for."""
        if self.module == "tests.kernel.test_kernel":
            if match := KERNEL_TEST.fullmatch(self.name):
                return match[2], match[1], match[3]
            if match := SUITE_BOOT.fullmatch(self.name):
                return WHOLE_SUITE, match[1], "all tests in one boot"
        if self.module == "tests.host.test_unit":
            if match := UNIT_TEST.fullmatch(self.name):
                return match[1], HOST, match[2]
        return self.module.rpartition(".")[2] or "(collection)", HOST, self.name

    @property
    def suite(self) -> str:
        return self.place[0]

    @property
    def profile(self) -> str:
        return self.place[1]

    @property
    def short_name(self) -> str:
        return self.place[2]

    @property
    def label(self) -> str:
        """Suite and name as one phrase."""
        suite, profile, name = self.place
        if suite == WHOLE_SUITE:
            return f"the whole suite in one boot of {profile}"
        return f"{suite}.{name}"

    @property
    def in_kernel(self) -> bool:
        return self.profile != HOST

    @property
    def red(self) -> bool:
        return self.verdict in RED

    @property
    def node(self) -> str:
        """What pytest selects it by. The part of a module's name that is a class stays one."""
        parts = self.module.split(".")
        size = next((i + 1 for i, part in enumerate(parts) if part.startswith("test_")), len(parts))
        return "::".join(["/".join(parts[:size]) + ".py", *parts[size:], self.name])


@dataclass(frozen=True)
class TestRun:
    """started: seconds since the epoch. exit_status, selected: None if the file does not say."""

    __test__ = False

    items: tuple[Item, ...]
    started: float
    seconds: float
    host: str
    exit_status: int | None
    selected: int | None

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(item.verdict for item in self.items)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def trouble(self) -> str:
        """Why the run is no whole one, or nothing."""
        done = len({(item.module, item.name) for item in self.items})
        of = f"{done} of {self.selected} selected tests have a verdict"
        if self.exit_status == INTERRUPTED:
            return f"The run was interrupted, or its tests could not be collected: {of}."
        if not done:
            return "No test ran. That proves nothing: did the pattern match any?"
        if self.exit_status is None or self.selected is None:
            return "The file does not say how the run ended: tests may be missing."
        if done < self.selected:
            return f"The run stopped early: {of}."
        if self.exit_status not in (0, 1):
            end = ENDS.get(self.exit_status, "?")
            return f"pytest ended with status {self.exit_status} ({end})."
        if self.exit_status == 1 and not any(item.red for item in self.items):
            return "The run failed, though no test did: the end of its output says why."
        return ""

    @property
    def green(self) -> bool:
        return not self.trouble and self.exit_status == 0 and not any(i.red for i in self.items)


def read_run(path: Path) -> TestRun:
    """Raises JunitError."""
    try:
        root = ElementTree.parse(path).getroot()
        suite = root if root.tag == "testsuite" else root.find("testsuite")
        if suite is None:
            raise JunitError(f"{path} is no JUnit file: it has no testsuite")
        notes = _properties(suite)
        return TestRun(
            tuple(_item(case) for case in suite.iter("testcase")),
            datetime.fromisoformat(suite.get("timestamp", "")).timestamp(),
            float(suite.get("time", "")),
            suite.get("hostname", ""),
            int(notes["exit_status"][0]) if "exit_status" in notes else None,
            int(notes["selected"][0]) if "selected" in notes else None,
        )
    except FileNotFoundError:
        raise JunitError(f"{path} is missing; `make test` writes it when it ends") from None
    except OSError as error:
        raise JunitError(f"{path} cannot be read: {error.strerror}") from None
    except (ElementTree.ParseError, ValueError) as error:
        raise JunitError(f"{path} is damaged: {error}") from None


def _properties(element: ElementTree.Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in element.findall("properties/property"):
        found.setdefault(each.get("name", ""), []).append(each.get("value", ""))
    return found


def _item(case: ElementTree.Element) -> Item:
    verdict, message = "passed", ""
    for tag, name in (("skipped", "skipped"), ("error", "error"), ("failure", "failed")):
        found = case.find(tag)
        if found is None:
            continue
        verdict = "xfailed" if found.get("type") == "pytest.xfail" else name
        short, long = found.get("message", ""), found.text or ""
        message = short if tag == "skipped" else long or short
    return Item(
        case.get("classname", ""),
        case.get("name", ""),
        verdict,
        float(case.get("time", "0")),
        message,
        tuple(_inner(line) for line in _properties(case).get("result", ())),
    )


def _inner(line: str) -> InnerResult:
    match = RESULT.fullmatch(line)
    if match is None:
        raise ValueError(f"no result line: {line!r}")
    if match[4] is not None:
        return InnerResult(match[3], "skipped", match[4].removeprefix(" # SKIP").strip())
    return InnerResult(match[3], "passed" if match[1] == "ok" else "failed", "")
