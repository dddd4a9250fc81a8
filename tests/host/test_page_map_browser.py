"""The page of a picture in a real browser: its walks, its search and what it marks."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.pages.page import render
from sample_tables import DATA, FIVE, FOUR, snapshot

BROWSERS = ("chromium-headless-shell", "chromium")
PHYSICAL = 0xFFFF_8000_0000_0000
# What is searched for in FOUR: the indices of the walk, and what it comes to.
WALKS: list[tuple[str, list[int], str]] = [
    ("0x1234", [0, 0, 0, 1], "physical 0x11234, a 4 KiB page, r---"),
    ("0o001_0000", [0, 0, 0, 1], "physical 0x11000, a 4 KiB page, r---"),
    ("5fff", [0, 0, 0, 5], "physical 0x20fff, a 4 KiB page, r-xu"),
    ("identity map+0x3010", [0, 0, 0, 3], "physical 0x13010, a 4 KiB page, r---"),
    ("0x4000", [0, 0, 0, 4], "not mapped: the entry is not present at level 1"),
    ("0xffff8000_c000_0001", [256, 3], "physical 0xc0000001, a 1 GiB page, rw--"),
    ("physical memory", [256, 0], "physical 0x0, a 1 GiB page, rw--"),
    ("0xffff808040412345", [257, 1, 2], "physical 0x412345, a 2 MiB page, rwx-"),
    ("0x00007fffffffffff", [255], "not mapped: the entry is not present at level 4"),
    ("0xffff960000000000", [300, 0], "not mapped: no memory answers for the table at level 3"),
    ("kernel_start", [511], "not mapped: the entry is not present at level 4"),
    # Through the recursive entry, tables are pages: four times the root, then one step less.
    ("0o177777_776_776_776_776_0000", [510] * 4, "physical 0x1000, a 4 KiB page, rw--"),
    ("0o177777_776_000_000_000_0050", [510, 0, 0, 0], "physical 0x4028, a 4 KiB page, r---"),
    ("0o177777_776_400_000_000_0000", [510, 256, 0], "physical 0x0, a 2 MiB page, rw--"),
]
REFUSED = [
    ("0x8000_0000_0000", "is not canonical: bits 63 to 47 must be equal, as in 0xffff800000000000"),
    ("0x1ffffffffffffffff", "has more than 64 bits"),
    ("kernel_", "one of kernel_start, kernel_start_late?"),
    ("no such name", "neither 0x..., 0o... nor a known name"),
    ("0o8", "neither 0x..., 0o... nor a known name"),
]
WALKS_FIVE: list[tuple[str, list[int], str]] = [
    ("0xff00_0000_0020_0fff", [256, 0, 0, 1], "physical 0x200fff, a 2 MiB page, r---"),
    ("0o177_776_776_776_776_776_0010", [510] * 5, "physical 0x1008, a 4 KiB page, rw--"),
]
# Appended to a page: what its own functions make of each text.
REPORT = """
<script>
document.body.append(Object.assign(document.createElement("pre"), {id: "report", textContent:
    JSON.stringify(%s.map((text) => {
        try {
            const found = walk(page.snapshots[0], parseAddress(page.snapshots[0], text));
            return [found.steps.map((step) => step.index), conclusion(found)];
        } catch (error) {
            return error.message;
        }
    }))}));
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip(f"there is no {' or '.join(BROWSERS)}, in which the page would be opened")


def opened(browser: str, directory: Path, page: str, hash: str = "") -> str:
    """The document as it is once the page has been opened at `#hash`."""
    path = directory / "page.html"
    path.write_text(page, encoding="utf-8")
    # Without a sandbox, since root has none and containers often allow none.
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
               f"--user-data-dir={directory / 'profile'}", f"{path.as_uri()}#{hash}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return result.stdout


def reported(browser: str, directory: Path, page: str, texts: list[str]) -> list[Any]:
    said = opened(browser, directory, page.replace("</body>", REPORT % json.dumps(texts)))
    match = re.search(r'<pre id="report">(.*?)</pre>', said, re.S)
    assert match is not None, said
    answers: list[Any] = json.loads(html.unescape(match[1]))
    return answers


def test_the_page_walks_as_the_cpu_does(browser: str, tmp_path: Path) -> None:
    _, page = render([snapshot(FOUR)])
    texts = [text for text, _, _ in WALKS] + [text for text, _ in REFUSED]
    answers = reported(browser, tmp_path, page, texts)
    for (text, indices, end), answer in zip(WALKS, answers):
        assert answer == [indices, end], text
    for (text, message), answer in zip(REFUSED, answers[len(WALKS) :]):
        assert message in answer, text


def test_the_page_walks_five_levels(browser: str, tmp_path: Path) -> None:
    _, page = render([snapshot(FIVE, 5)])
    answers = reported(browser, tmp_path, page, [text for text, *_ in WALKS_FIVE])
    assert answers == [[indices, end] for _, indices, end in WALKS_FIVE]


def test_a_search_shows_the_walk_and_marks_it_in_the_picture(browser: str, tmp_path: Path) -> None:
    _, page = render([snapshot(FOUR)])
    said = opened(browser, tmp_path, page, "0x5010")
    cells = re.findall(r"<td>([^<]*)</td>", said.split('id="walk-steps"')[1].split("</tbody>")[0])
    last = ["1", "0x4000", "5 = 0o005", "0x0000000000020005", "P U", "r-xu", "0x20000"]
    assert cells[-7:] == last
    assert cells[7 * 2 + 4 : 7 * 2 + 6] == ["P U", "r-xu"]
    assert ">0x0000000000005010 = 0o000000_000_000_000_005_0020: identity map<" in said
    marked = re.findall(r'<g class="row on" data-table="(0x\w+)" data-first="(\d+)"', said)
    assert marked == [("0x1000", "0"), ("0x2000", "0"), ("0x3000", "0"), ("0x4000", "5")]
    assert len(re.findall(r'<path class="edge on"', said)) == 3


def test_a_comparison_shows_the_later_picture_and_its_marks(browser: str, tmp_path: Path) -> None:
    before, after = snapshot(FOUR, title="one"), snapshot(
        FOUR | {0x4000: FOUR[0x4000] | {7: 0x70000 | DATA}}, title="two"
    )
    said = opened(browser, tmp_path, render([before, after])[1], "0x7000")
    assert '<figure id="figure-0" hidden="">' in said
    assert '<figure id="figure-1">' in said
    assert "physical 0x70000, a 4 KiB page, r---" in said
    assert '<g class="row mark-added on" data-table="0x4000" data-first="7"' in said
    assert 'data-address="0x7000"><td class="added">added</td>' in said
