"""Makes pytest items of the tests in the test image and of the machines, and checks what ran."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import pytest
from _pytest.junitxml import xml_key

import claims
import seed
from assay.machines import PROFILES, SUITE_PROFILES
from assay.project import PROJECT
from assay.tree import ROOT
from harness.host.fault import EnvironmentFault
from harness.host.scratch import scratch_root
from harness.image.test_records import KernelTest
from harness.machine.project import use
from harness.suite.kernel_tests import read_test_image, read_unit_tests

use(PROJECT)


def pytest_configure(config: pytest.Config) -> None:
    """What workers have from the process that starts them: the seed, and how signals are handled.

    Claims are checked only where the results of all workers come together. A worker may be in a
    thread that cannot handle signals.
    """
    if hasattr(config, "workerinput"):
        return
    # Whoever started this may ignore it; then no child could be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        seed.choose()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    document, tests = ROOT / "docs" / "claims.md", ROOT / "tests"
    check = claims.RunCheck(config, document, tests, claims.COUNTS)
    config.pluginmanager.register(check, "claims")


def pytest_report_header() -> str:
    return f"seed {seed.run_seed()}: `{seed.again()}` repeats what is random in this run"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Far below the header, whoever reads of a failure looks for the seed."""
    if terminalreporter.stats.keys() & {"failed", "error"}:
        terminalreporter.write_line(pytest_report_header())


SELECTED = pytest.StashKey[int]()

# Tests put sockets and builds into their temporary directories.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch_root()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`kernel_test` is each test of the image; `suite_profile` each machine for the whole suite."""
    if "kernel_test" in metafunc.fixturenames:
        tests = _tests_or_fail(read_test_image)
        metafunc.parametrize("kernel_test", tests, ids=[_identifier(test) for test in tests])
    if "unit_test" in metafunc.fixturenames:
        units = _tests_or_fail(read_unit_tests)
        metafunc.parametrize("unit_test", [_marked(test) for test in units])
    if "suite_profile" in metafunc.fixturenames:
        # The order of the tests is random. One machine tells what depends on it.
        marks = {"pvh": pytest.mark.random}
        profiles = [
            pytest.param(PROFILES[name], id=name, marks=marks.get(name, ())) for name in SUITE_PROFILES
        ]
        metafunc.parametrize("suite_profile", profiles)


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[SELECTED] = len(session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: object, ids: Sequence[str]) -> None:
    """With workers it is they that collect, each of them all; the session itself has no items."""
    node.config.stash[SELECTED] = len(ids)  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The JUnit file says how the run ended: without that, a part of a run looks like a whole.

    Comes after the hooks of the same kind that are registered later and may fail the run.
    """
    xml = session.config.stash.get(xml_key, None)
    if xml is not None:
        xml.add_global_property("seed", seed.run_seed())
        xml.add_global_property("exit_status", int(session.exitstatus))
        xml.add_global_property("selected", session.config.stash.setdefault(SELECTED, 0))


@pytest.fixture(autouse=True)
def own_accelerator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACCEL is for the tests inside the kernel, and for the MMU; all else is about TCG."""
    if request.node.path.name not in ("test_kernel.py", "full_run.py"):
        monkeypatch.delenv("ACCEL", raising=False)


def _tests_or_fail(read: Callable[[], tuple[KernelTest, ...]]) -> tuple[KernelTest, ...]:
    """No image, a damaged one, or a test without a machine is an error, never an empty run."""
    try:
        return read()
    except EnvironmentFault as fault:
        text = str(fault)
    pytest.fail(text, pytrace=False)


def _marked(test: KernelTest) -> object:
    """The test as a parameter. Its tag `random` is the mark of the same name."""
    marks = [pytest.mark.random] if "random" in test.tags else []
    return pytest.param(test, id=test.name, marks=marks)


def _identifier(test: KernelTest) -> str:
    assert test.profile is not None
    return f"{test.profile.name}-{test.name}"
