"""Pictures of page tables that were made up here."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

import page_map
from assay import page_names
from assay.page_names import kernel_names
from harness.machine.named_range import NamedRange, innermost, outermost
from harness.pages.diff import changes, marks
from harness.pages.dump import DIRTY, GLOBAL, PRESENT, WRITABLE
from harness.pages.model import BOXES_MAX, ROWS_MAX, Kind, Mark, page_map as model, size_text
from harness.pages.page import render
from harness.pages.snapshot import DumpError, save
from harness.pages.svg import draw
from sample_tables import DATA, FIVE, FOUR, TABLE, Memory, snapshot

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(page_map.__file__)
SVG = "{http://www.w3.org/2000/svg}"
# A chain of tables down to 0x4000.
CHAIN: Memory = {
    0x1000: {0: 0x2000 | TABLE}, 0x2000: {0: 0x3000 | TABLE}, 0x3000: {0: 0x4000 | TABLE},
}


def texts(svg: str) -> list[str]:
    """What is written in a picture, a line for each text."""
    return ["".join(item.itertext()) for item in ET.fromstring(svg).iter(f"{SVG}text")]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_model_has_a_box_for_each_table_and_a_row_for_each_run() -> None:
    picture = model(snapshot(FOUR))
    assert {box.table: box.level for box in picture.boxes} == {
        0x1000: 4, 0x2000: 3, 0x5000: 3, 0x6000: 3, 0x3000: 2, 0x7000: 2, 0x4000: 1,
    }
    root = [(row.first, row.kind) for row in picture.root.rows]
    assert root == [
        (0, Kind.TABLE), (256, Kind.TABLE), (257, Kind.TABLE), (300, Kind.UNREADABLE),
        (510, Kind.AGAIN), (511, Kind.ABSENT),
    ]
    lowest = next(box for box in picture.boxes if box.table == 0x4000)
    rows = [(row.first, row.count, row.start, row.frame, row.permissions) for row in lowest.rows]
    # The level-2 entry lets users read and takes writing away; only 5 is for them.
    assert rows == [(1, 3, 0x1000, 0x11000, "r---"), (5, 1, 0x5000, 0x20000, "r-xu")]
    # Bit 12 of a large page is no part of its address.
    large = next(box for box in picture.boxes if box.table == 0x7000).rows[0]
    assert (large.frame, large.permissions) == (0x40_0000, "rwx-")
    assert picture.tables == {4: 1, 3: 3, 2: 2, 1: 1}
    assert picture.pages == {3: 4, 2: 1, 1: 4}
    assert (picture.undrawn, picture.complete) == (0, True)


def test_what_differs_is_not_one_row() -> None:
    frames = (0x11000, 0x12000 | DIRTY, 0x13000 | GLOBAL, 0x15000 | GLOBAL)
    pages = [frame | DATA for frame in frames]
    picture = model(snapshot(CHAIN | {0x4000: dict(enumerate(pages))}))
    assert [(row.first, row.count) for row in picture.boxes[-1].rows] == [(0, 2), (2, 1), (3, 1)]


def test_a_row_is_named_after_what_is_mapped_in_it() -> None:
    rows = model(snapshot(FOUR)).root.rows
    names = {row.first: row.name for row in rows}
    assert names == {
        0: "identity map", 256: "physical memory", 257: "physical memory", 300: "physical memory",
        510: "", 511: "",
    }
    # Nothing is mapped in the kernel image's area: only an address there can be called so.
    row = model(snapshot({0x1000: {511: 0x2000 | TABLE}, 0x2000: {}})).root.rows[0]
    assert (row.kind, row.name) == (Kind.TABLE, "")


def test_five_levels_reach_to_the_lowest_address_of_the_upper_half() -> None:
    picture = model(snapshot(FIVE, 5))
    page = next(box for box in picture.boxes if box.table == 0x4000).rows[0]
    assert (page.start, page.permissions) == (0xFF00_0000_0020_0000, "r---")
    assert "Level 5" in texts(draw(picture))


def test_a_table_that_is_reached_twice_has_one_box() -> None:
    memory: Memory = {0x1000: {0: 0x2000 | TABLE, 1: 0x2000 | TABLE}, 0x2000: {}}
    picture = model(snapshot(memory))
    assert [row.kind for row in picture.root.rows] == [Kind.TABLE, Kind.AGAIN]
    assert len(picture.boxes) == 2


@pytest.mark.parametrize(
    ("memory", "told"), [({0x1000: {}}, "no entry is in use"), ({}, "no memory")]
)
def test_a_tree_with_nothing_in_it_says_so(memory: Memory, told: str) -> None:
    svg, page = render([snapshot(memory)])
    assert told in texts(svg)
    assert "Mapped: nothing" in texts(svg)
    assert "<p>Nothing.</p>" in page


def test_what_is_too_much_for_a_picture_is_a_number() -> None:
    scattered = {at: at * 0x10_0000 | DATA for at in range(2, 102, 2)}
    svg = draw(model(snapshot(CHAIN | {0x4000: scattered})))
    assert f"… and {50 - ROWS_MAX + 1} rows more" in texts(svg)
    many: Memory = {0x1000: {}}
    for at in range(20):
        many[0x1000][at] = (0x10_0000 + at << 12) | TABLE
        many[0x10_0000 + at << 12] = {
            below: (0x20_0000 + 20 * at + below << 12) | TABLE for below in range(20)
        }
    many |= {(0x20_0000 + at) << 12: {} for at in range(400)}
    picture = model(snapshot(many))
    assert len(picture.boxes) == BOXES_MAX
    assert picture.tables == {4: 1, 3: 20, 2: 400}
    assert f"Not drawn: {421 - BOXES_MAX} tables" in texts(draw(picture))


def test_the_picture_says_sizes_permissions_and_places() -> None:
    told = texts(draw(model(snapshot(FOUR))))
    for text in (
        "7 tables, 28 KiB: 1 of level 4, 3 of level 3, 2 of level 2, 1 of level 1",
        "Mapped: 4098 MiB in 4 × 1 GiB + 1 × 2 MiB + 4 × 4 KiB pages",
        "[0–3] 4 × 1 GiB  physical memory", "ffff800000000000 → 0x0", "0x1000 root",
        "[510] ↺ itself  ", "[511] not present  0x12340000", "[300] 0x9000 no memory", "r-xu",
    ):
        assert text in told, text
    assert size_text(2044 << 10) == "2044 KiB"
    assert size_text((4 << 30) + (2 << 20)) == "4098 MiB"


@pytest.mark.parametrize(("memory", "levels"), [(FOUR, 4), (FIVE, 5), ({}, 4)])
def test_picture_and_page_are_well_formed_and_refer_to_nothing_outside(
    memory: Memory, levels: int
) -> None:
    tricky = '</script><img src="http://127.0.0.1/x"> & <b>'
    svg, page = render([snapshot(memory, levels, title=tricky)])
    assert ET.fromstring(svg).tag == f"{SVG}svg"
    assert "<img" not in svg + page
    assert "default-src 'none'" in page
    for word in ("url(", "@import", "import(", "fetch(", "XMLHttpRequest", "WebSocket"):
        assert word not in svg + page, word
    recursive = 510 in memory.get(0x1000, {})
    assert ("Entry 510 of the root names the root itself" in page) == recursive
    references = References()
    references.feed(page)
    assert references.found == ["data:,"]


class References(HTMLParser):
    """All that a page names by an attribute that loads or leads somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str | None] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = ("src", "href", "srcset", "action", "data", "xlink:href", "poster")
        self.found += [value for name, value in attributes if name in names]


def test_what_is_added_removed_and_changed_is_told_by_addresses() -> None:
    before = snapshot(CHAIN | {0x4000: {at: 0x10000 + (at << 12) | DATA for at in range(8)}})
    after = snapshot(CHAIN | {0x4000: {
        **{at: 0x10000 + (at << 12) | DATA | DIRTY for at in range(1, 8)},
        3: 0x13000 | PRESENT | WRITABLE, 9: 0x50000 | DATA,
    }})
    found = changes(model(before).runs, model(after).runs)
    assert [(change.mark, change.start, change.end) for change in found] == [
        (Mark.REMOVED, 0, 0x1000), (Mark.CHANGED, 0x3000, 0x4000), (Mark.ADDED, 0x9000, 0xA000),
    ]
    assert found[0].before_text == "4 KiB pages at 0x10000, rw--, P W NX"
    assert found[1].after_text == "4 KiB pages at 0x13000, rwx-, P W"
    assert found[2].before_text == "not mapped"
    assert marks(before, after) == {
        (0x4000, 0): Mark.REMOVED, (0x4000, 3): Mark.CHANGED, (0x4000, 9): Mark.ADDED,
    }
    assert changes(model(before).runs, model(before).runs) == []
    svg, page = render([before, after])
    assert "− [0]   not present  " in texts(svg)
    assert "+ [9]   1 × 4 KiB  identity map" in texts(svg)
    first = page.split('<figure id="figure-1">')[0]
    assert 'class="row mark-removed"' in first and 'class="row mark-added"' not in first
    assert page.count('<figure id="figure-') == 2


def test_a_change_above_the_pages_is_a_change_of_all_below() -> None:
    before = snapshot(CHAIN | {0x4000: {at: at << 12 | DATA for at in range(4)}})
    closed = CHAIN | {0x2000: {0: 0x3000 | PRESENT}}
    after = snapshot(closed | {0x4000: {at: at << 12 | DATA for at in range(4)}})
    found = changes(model(before).runs, model(after).runs)
    assert [(change.mark, change.start, change.end) for change in found] == [
        (Mark.CHANGED, 0, 0x4000)
    ]
    assert marks(before, after) == {(0x2000, 0): Mark.CHANGED}


def test_names_inside_others_are_chosen_for_pages_and_outer_ones_for_tables() -> None:
    names = [NamedRange(0, 100, "all"), NamedRange(10, 20, "a"), NamedRange(20, 30, "b")]
    assert [item.name for item in innermost(names, 15, 25)] == ["a", "b"]
    assert [item.name for item in outermost(names, 15, 25)] == ["all"]
    assert [item.name for item in innermost(names, 40, 41)] == ["all"]
    assert innermost(names, 100, 101) == []


def test_the_kernels_layout_is_known() -> None:
    """layout.h can be read; an image that is not there only takes its own names away."""
    names = {item.name: item for item in kernel_names(Path("none.elf"), 4)}
    assert names["physical memory"].start == 0xFFFF_8000_0000_0000
    assert names["identity map"] == NamedRange(0, 0x20_0000, "identity map")
    window = NamedRange(0xA00_0000_0000, 0xA00_0020_0000, "fixed-offset window")
    assert names["fixed-offset window"] == window
    assert names["recursive slot"].start == 0xFFFF_FF00_0000_0000
    assert names["kernel stack"].end == names["stacks"].end == 0xFFFF_D000_0010_0000
    assert "kernel text" not in names
    five = {item.name: item for item in kernel_names(Path("none.elf"), 5)}
    assert five["recursive slot"].start == 0xFFFE_0000_0000_0000


def test_the_parts_of_an_image_are_known() -> None:
    names = {item.name: item for item in kernel_names(ROOT / "build" / "assay.elf", 4)}
    assert names["kernel image"].start == names["kernel text"].start
    assert names["kernel image"].end == names["kernel data"].end
    assert names["boot info"].start < names["boot info"].end <= names["temporary slots"].start


@pytest.mark.parametrize(
    ("changed", "text", "said"),
    [
        ("LAYOUT", "#define LAYOUT_STACKS 1\n", "has no LAYOUT_RECURSIVE_SLOT"),
        ("STACKS", "enum stack_name { NONE };\n", "has no STACK_..."),
        ("LAYOUT", None, "No such file"),
    ],
)
def test_a_source_without_the_names_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changed: str, text: str | None, said: str
) -> None:
    place = tmp_path / "source.h"
    if text is not None:
        place.write_text(text)
    monkeypatch.setattr(page_names, changed, str(place))
    with pytest.raises(DumpError) as told:
        kernel_names(Path("none.elf"), 4)
    assert said in str(told.value) and str(place) in str(told.value)


def test_an_image_that_lacks_a_part_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_names, "IMAGE_PARTS", ("text", "bss"))
    with pytest.raises(DumpError, match="the image has no image_bss_start"):
        kernel_names(ROOT / "build" / "assay.elf", 4)


def test_where_only_images_were_sent_the_layout_has_no_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_names, "MARK_OF_SOURCES", "none")
    monkeypatch.setattr(page_names, "LAYOUT", "none")
    assert {item.name for item in kernel_names(ROOT / "build" / "assay.elf", 4)} == {
        "kernel image", "kernel text", "kernel rodata", "kernel data",
    }


def test_the_command_draws_and_compares(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    save(snapshot(FOUR), one)
    save(snapshot(FOUR | {0x5000: {}}), two)
    result = run(one)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == [str(one.with_suffix(".svg")), str(one.with_suffix(".html"))]
    result = run(one, two, "-o", tmp_path / "v1.2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "ffff800000000000–ffff8000ffffffff" in (tmp_path / "v1.2.html").read_text()
    assert (tmp_path / "v1.2.svg").is_file()


def test_wrong_use_is_one_line_and_status_2(tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.json", tmp_path / "good.json"
    broken.write_text("{}")
    save(snapshot(FOUR), good)
    for arguments in ((broken,), (good, broken), (tmp_path / "none.json",), (tmp_path,),
                      (good, "-o", tmp_path / "none" / "x")):
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (2, ""), arguments
        assert re.fullmatch(r"page_map: [^\n]+\n", result.stderr), result.stderr
    assert run().returncode == 2
    assert run("--help").returncode == 0
