"""The runner's command `map`: the page tables of a boot, and of a test before and after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.machines import PROFILES
from assay.tree import ROOT
from harness.pages import boot_map
from harness.pages.diff import changes
from harness.pages.model import Kind, Mark, page_map
from harness.pages.snapshot import load
from harness.suite.kernel_tests import matching, read_test_image

RUNNER = ROOT / "scripts" / "qemu_runner.py"
# It maps a frame at 0xdeadbeaf000 and at the page behind, and unmaps the second.
TEST = "map_to.shows_one_frame_at_two_pages"
PAGE = 0xDEAD_BEAF_000


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), "map", "--output", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_kernels_tables_are_drawn(tmp_path: Path) -> None:
    result = run(tmp_path, "--append", "access=recursive", "--profile", "la57")
    assert (result.returncode, result.stderr) == (0, "")
    written = [tmp_path / f"kernel.{suffix}" for suffix in ("json", "svg", "html")]
    assert result.stdout.split() == [str(path) for path in written]
    snapshot = load(written[0])
    assert snapshot.title == "assay on la57, paging=5 access=recursive"
    picture = page_map(snapshot)
    assert (snapshot.levels, picture.complete, picture.undrawn) == (5, True, 0)
    recursive = next(row for row in picture.root.rows if row.kind is Kind.AGAIN)
    assert (recursive.first, recursive.frame, recursive.name) == (
        510, snapshot.root, "recursive slot"
    )
    named = {row.name: row.permissions for box in picture.boxes for row in box.rows
             if row.kind is Kind.PAGE}
    assert named["kernel text"] == "r-x-"
    assert named["kernel data"] == named["kernel stack"] == named["physical memory"] == "rw--"
    assert named["kernel rodata"] == named["boot info"] == "r---"
    assert 'class="again-edge"' in written[1].read_text()


@pytest.mark.parametrize(
    ("profile", "devices"),
    [("pvh", {"VGA text screen", "local APIC"}), ("uefi", {"framebuffer", "local APIC"})],
)
def test_everything_that_the_kernel_maps_has_a_name(
    tmp_path: Path, profile: str, devices: set[str]
) -> None:
    result = run(tmp_path, "--profile", profile)
    assert (result.returncode, result.stderr) == (0, "")
    rows = [row for box in page_map(load(tmp_path / "kernel.json")).boxes for row in box.rows]
    pages = [row for row in rows if row.kind is Kind.PAGE]
    assert [row.start for row in pages if not row.name] == [PAGE]  # the demonstration's
    assert {"GDT, TSS and IDT", "boot info", "kernel stack", *devices} <= {row.name for row in pages}


def test_a_test_is_compared_with_what_was_before_it(tmp_path: Path) -> None:
    result = run(tmp_path, TEST)
    assert (result.returncode, result.stderr) == (0, "")
    before, after = load(tmp_path / f"{TEST}.before.json"), load(tmp_path / f"{TEST}.json")
    found = changes(page_map(before).runs, page_map(after).runs)
    assert [(change.mark, change.start, change.end) for change in found] == [
        (Mark.ADDED, PAGE, PAGE + 0x1000)
    ]
    assert len(after.tables) == len(before.tables) + 3
    assert "00000deadbeaf000–00000deadbeaffff" in (tmp_path / f"{TEST}.html").read_text()


def test_a_function_in_the_test_is_where_it_stops(tmp_path: Path) -> None:
    """While both pages are mapped it looks at their frame by its physical address."""
    result = run(tmp_path, TEST, "--at", "physical_byte")
    assert (result.returncode, result.stderr) == (0, "")
    after = load(tmp_path / f"{TEST}.json")
    assert after.title == f"{TEST} on fast, at physical_byte"
    found = changes(page_map(load(tmp_path / f"{TEST}.before.json")).runs, page_map(after).runs)
    assert [change.start for change in found] == [PAGE, PAGE + 0x1000]
    assert len({change.after.frame for change in found if change.after}) == 1


def test_a_test_that_does_not_return_is_drawn_where_it_ends(tmp_path: Path) -> None:
    panics = matching(read_test_image("assay-misbehave"), "bad.panics")[0]
    files = boot_map.map_test(panics, PROFILES["fast"], "assay-misbehave", "", "", tmp_path)
    assert all(path.is_file() for path in files)
    assert load(files[1]).title == "bad.panics on fast, where it ended without a return"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("no.such_test",), 2, "0 tests are called no.such_test"),
        (("map_to.*",), 2, "tests are called map_to.*"),
        (("--at", "main"), 2, "--at needs a test"),
        ((TEST, "--at", "no_such_function"), 1, "has no function no_such_function"),
        ((TEST, "--at", "kernel_panic"), 1, "does not come to kernel_panic"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    arguments: tuple[str, ...], status: int, message: str, tmp_path: Path
) -> None:
    result = run(tmp_path, *arguments)
    assert (result.returncode, result.stdout) == (status, "")
    assert message in result.stderr and result.stderr.count("\n") == 1
