"""The figures of the documents are drawn from page tables that the kernel has, and the check can tell."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import figures
from assay.tree import ROOT
from harness.pages.snapshot import EntryRun, Snapshot

ROOT_TABLE, LOWER = 0x1000, 0x2000


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The figures of the project, to be spoilt."""
    directory = tmp_path / "figures"
    shutil.copytree(figures.DIRECTORY, directory)
    monkeypatch.setattr(figures, "DIRECTORY", directory)
    return directory


def test_the_projects_figures_are_those_of_the_kernel() -> None:
    assert figures.check() == []


def test_every_figure_is_shown_in_a_document() -> None:
    text = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    for figure in figures.FIGURES:
        assert f"](figures/{figure.picture().name})" in text


def test_a_picture_that_is_not_of_its_dump_is_reported(copy: Path) -> None:
    picture = copy / "recursive.svg"
    picture.write_text(picture.read_text().replace("[510]", "[511]"))
    (copy / "temporary.svg").unlink()
    (copy / "forgotten.svg").write_text("<svg/>")
    found = figures.check()
    assert [line.split(";")[0].split(": ")[1] for line in found] == [
        "recursive.svg is not the picture of its dump",
        "temporary.svg is not the picture of its dump",
        "forgotten.svg is made by nothing",
    ]


@pytest.mark.parametrize(
    ("name", "index"),
    [("kernel", 256), ("mapping", 427), ("recursive", 510)],
)
def test_a_dump_that_the_kernel_does_not_have_is_reported(
    copy: Path, name: str, index: int
) -> None:
    path = copy / f"{name}.json"
    data = json.loads(path.read_text())
    run = next(run for table in data["tables"].values() for run in table if run[0] == index)
    run[2] = hex(int(run[2], 16) ^ 1 << 2)  # for user code
    path.write_text(json.dumps(data))
    assert any(line.startswith(f"docs/figures: {name}.json is not") for line in figures.check())


def snapshot_of(tables: dict[int, tuple[EntryRun, ...]]) -> Snapshot:
    return Snapshot("title", ROOT_TABLE, 4, tables)


def test_what_leads_to_an_address_is_kept_and_nothing_else() -> None:
    whole = snapshot_of({
        ROOT_TABLE: (EntryRun(0, 2, LOWER | 3, 0), EntryRun(511, 1, ROOT_TABLE | 3, 0)),
        LOWER: (EntryRun(0, 4, 0x83, 1 << 30),),
    })
    kept = figures.focused(whole, [0x4000_0000])
    assert kept.tables == {
        ROOT_TABLE: (EntryRun(0, 1, LOWER | 3, 0),), LOWER: (EntryRun(1, 1, 0x4000_0083, 0),)
    }
    # Four times through the recursive entry, and an address that is not mapped.
    kept = figures.focused(whole, [0xFFFF_FFFF_FFFF_F000, 5 << 39])
    assert kept.tables == {ROOT_TABLE: (EntryRun(511, 1, ROOT_TABLE | 3, 0),)}


def test_accessed_and_dirty_bits_are_not_compared_and_all_others_are() -> None:
    figure = figures.Figure("name", "title", (0,))
    one = snapshot_of({ROOT_TABLE: (EntryRun(0, 1, LOWER | 3, 0),), LOWER: ()})
    for bit in range(64):
        bits = (LOWER | 3) ^ 1 << bit
        other = replace(one, tables={**one.tables, ROOT_TABLE: (EntryRun(0, 1, bits, 0),)})
        same = figures.comparable(figure, one) == figures.comparable(figure, other)
        assert same == (bit in (5, 6)), bit
