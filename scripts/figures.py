#!/usr/bin/python3
"""Makes docs/figures/ from page tables of booted kernels, or checks what is there.

Each figure is a picture (SVG) and the dump that it is drawn from (JSON), or two dumps where it shows
what has changed between them. --check draws the dumps again and boots again: the pictures must be
the same byte for byte, and the tables the same but for what depends on the size of the image.

Exit codes: 0 made, or all is as it should be; 1 differences, or no tables to read; 2 wrong use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assay.machines import PROFILES
from assay.project import NORMAL_IMAGE, PROJECT, PROMPT, TEST_IMAGE
from assay.tree import ROOT
from harness.host.fault import EnvironmentFault
from harness.host.script import run_script
from harness.host.whole_file import write_whole
from harness.machine.project import use
from harness.pages.boot_map import MapError, kernel_tables, test_tables
from harness.pages.diff import IGNORED, marks
from harness.pages.dump import ENTRIES, PRESENT, is_leaf, shift, target
from harness.pages.model import page_map, table_levels
from harness.pages.snapshot import DumpError, Snapshot, load, runs_of, save
from harness.pages.svg import draw
from harness.qemu.command_line import image_to_boot
from harness.suite.kernel_tests import matching, read_test_image

use(PROJECT)

DIRECTORY = ROOT / "docs" / "figures"
PROFILE = PROFILES["fast"]
DEMONSTRATION_BEGINS = "demonstration_run"
FAR_PAGE = 0xDEADBEAF000
# Where a root that names itself at entry 510 appears.
RECURSIVE_ROOT = 0xFFFF_FF7F_BFDF_E000
TEMPORARY_TEST = (
    "temporary.shows_the_level_2_table_at_page_0_and_the_level_4_table_at_page_36_kib"
)


@dataclass(frozen=True)
class Figure:
    """addresses: draw only what leads there; all is drawn if there are none. before: compare with
    the tables at the start. words: for the kernel's command line. test: of the test image."""

    name: str
    title: str
    addresses: tuple[int, ...] = ()
    words: str = ""
    test: str = ""
    before: bool = False

    def snapshots(self) -> list[Snapshot]:
        """From a boot: one, or two to be compared. Raises MapError."""
        if self.test:
            tests = matching(read_test_image(), self.test)
            if len(tests) != 1:
                raise MapError(f"there is no test {self.test}")
            taken = [test_tables(tests[0], PROFILE, TEST_IMAGE, self.words, "")[1]]
        else:
            stops = [DEMONSTRATION_BEGINS, ""] if self.before else [""]
            taken = [kernel_tables(PROFILE, NORMAL_IMAGE, self.words, PROMPT, at)
                     for at in stops]
        return [self._of_interest(snapshot) for snapshot in taken]

    def dumps(self) -> list[Path]:
        suffixes = [".before.json", ".json"] if self.before else [".json"]
        return [DIRECTORY / (self.name + suffix) for suffix in suffixes]

    def picture(self) -> Path:
        return DIRECTORY / f"{self.name}.svg"

    def _of_interest(self, snapshot: Snapshot) -> Snapshot:
        kept = focused(snapshot, self.addresses) if self.addresses else snapshot
        # What the kernel's addresses are for says nothing about those of a test's own space.
        names = () if self.test else snapshot.names
        return replace(kept, title=self.title, names=names, symbols={})


FIGURES = (
    Figure("kernel", "The kernel's page tables after its demonstration"),
    Figure(
        "mapping", "0xdeadbeaf000 is mapped: the entries that lead there, + where there was none",
        (FAR_PAGE,), before=True,
    ),
    Figure(
        "recursive", "Entry 510 names the root; of the others, those that lead to 0xdeadbeaf000",
        (FAR_PAGE, RECURSIVE_ROOT), words="recursive",
    ),
    Figure(
        "temporary", "A level-1 table that maps the level-2 table, itself and the root",
        (0x0, 0x8000, 0x9000), test=TEMPORARY_TEST,
    ),
)


def focused(snapshot: Snapshot, addresses: Sequence[int]) -> Snapshot:
    """Only the entries that translations of the addresses read."""
    kept: dict[int, dict[int, int]] = {snapshot.root: {}}
    for address in addresses:
        table = snapshot.root
        for level in range(snapshot.levels, 0, -1):
            index = address >> shift(level) & ENTRIES - 1
            entry = snapshot.entries(table)[index]
            kept.setdefault(table, {})[index] = entry
            if not entry & PRESENT or is_leaf(entry, level):
                break
            table = target(entry, level)
    tables = {
        table: runs_of([entries.get(index, 0) for index in range(ENTRIES)])
        for table, entries in kept.items()
    }
    return replace(snapshot, tables=tables)


def drawn(snapshots: Sequence[Snapshot]) -> str:
    last = snapshots[-1]
    return draw(page_map(last, marks(snapshots[0], last)))


def comparable(figure: Figure, snapshot: Snapshot) -> object:
    """The entries without accessed and dirty. A whole kernel's level-1 tables depend on the size of
    its image, so only that they are there counts."""
    levels = table_levels(snapshot)
    return snapshot.root, snapshot.levels, {
        table: [entry & ~IGNORED for entry in snapshot.entries(table)]
        if figure.addresses or level > 1 else None
        for table, level in levels.items()
    }


def make() -> None:
    DIRECTORY.mkdir(exist_ok=True)
    for figure in FIGURES:
        snapshots = figure.snapshots()
        for path, snapshot in zip(figure.dumps(), snapshots):
            save(snapshot, path)
        write_whole(figure.picture(), drawn(snapshots))
        print(figure.picture().relative_to(ROOT))


def check() -> list[str]:
    """A line for each figure that is not what `make figures` makes."""
    found: list[str] = []
    for figure in FIGURES:
        kept = [load(path) for path in figure.dumps()]
        picture = figure.picture()
        if not picture.is_file() or picture.read_text(encoding="utf-8") != drawn(kept):
            found.append(f"{picture.name} is not the picture of its dump")
        for path, old, new in zip(figure.dumps(), kept, figure.snapshots()):
            if comparable(figure, old) != comparable(figure, new):
                found.append(f"{path.name} is not what the kernel has")
    made = {path for figure in FIGURES for path in (*figure.dumps(), figure.picture())}
    found += [f"{path.name} is made by nothing" for path in sorted(set(DIRECTORY.iterdir()) - made)]
    return [f"docs/figures: {line}; `make figures` makes it again" for line in found]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, report differences")
    options = parser.parse_args()
    try:
        for image in (NORMAL_IMAGE, TEST_IMAGE):
            image_to_boot(PROFILE, image)
        if not options.check:
            make()
            return 0
        differences = check()
    except (MapError, DumpError, EnvironmentFault) as fault:
        print(f"figures: {fault}", file=sys.stderr)
        return 1
    for line in differences:
        print(line)
    return 1 if differences else 0


if __name__ == "__main__":
    run_script(main)
