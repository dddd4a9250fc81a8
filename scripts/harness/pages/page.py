"""Pictures of page tables as one HTML page that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from harness.machine.named_range import innermost
from harness.pages.diff import Change, changes, marks
from harness.pages.dump import Run, flag_names
from harness.pages.model import Kind, Mark, PageMap, page_map, page_size_text, size_text
from harness.pages.snapshot import Snapshot, to_json
from harness.pages.svg import draw

HERE = Path(__file__).resolve().parent
TEMPLATE, STYLE, SCRIPT = "page_map.html", HERE / "page_map.css", HERE / "page_map.js"
RANGES_MAX = 2000
NAMES_SHOWN = 3
# A function that every image has.
EXAMPLE = "kernel_start"


def render(snapshots: Sequence[Snapshot]) -> tuple[str, str]:
    """The picture of the last snapshot as SVG, and the page.

    snapshots: one, or two to be compared, the earlier first.
    """
    last = snapshots[-1]
    found = marks(snapshots[0], last)
    # What will be added is no part of the picture before.
    lost = {key: mark for key, mark in found.items() if mark is not Mark.ADDED}
    pictures = [page_map(last, found)]
    if len(snapshots) > 1:
        pictures.insert(0, page_map(snapshots[0], lost))
    drawn = [draw(picture) for picture in pictures]
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True,
                                     undefined=jinja2.StrictUndefined)
    page = environment.get_template(TEMPLATE).render(
        title=last.title if len(snapshots) == 1 else f"{last.title}, compared",
        style=_trusted(STYLE),
        script=_trusted(SCRIPT),
        example=f"{pictures[-1].runs[0].start:#x}" if pictures[-1].runs else "0x0",
        name_example=_name_example(last),
        pictures=[{"title": snapshot.title, "svg": markupsafe.Markup(svg)}
                  for snapshot, svg in zip(snapshots, drawn)],
        changes=[_change(change, last) for change in changes(pictures[0].runs, pictures[-1].runs)],
        table_changes=_table_changes(pictures),
        ranges=[_range(run, last) for run in pictures[-1].runs[:RANGES_MAX]],
        recursive=[row.first for row in pictures[-1].root.rows
                   if row.kind is Kind.AGAIN and row.frame == last.root],
        ranges_left_out=max(len(pictures[-1].runs) - RANGES_MAX, 0),
        data={"snapshots": [to_json(snapshot) for snapshot in snapshots]},
    )
    return drawn[-1], page


def _trusted(path: Path) -> markupsafe.Markup:
    """A file of ours, which goes into the page as it is."""
    return markupsafe.Markup(path.read_text(encoding="utf-8"))


def _name_example(snapshot: Snapshot) -> str:
    name = next(iter(snapshot.symbols), "kernel text")
    return f"{EXAMPLE if EXAMPLE in snapshot.symbols else name}+0x10"


def _name(snapshot: Snapshot, start: int, end: int) -> str:
    names = [item.name for item in innermost(snapshot.names, start, end)]
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")


def _span(start: int, end: int) -> str:
    return f"{start:016x}–{end - 1:016x}"


def _range(run: Run, snapshot: Snapshot) -> dict[str, Any]:
    end = run.start + run.length
    return {
        "address": hex(run.start), "range": _span(run.start, end),
        "pages": f"{run.count} × {page_size_text(run.level)}", "size": size_text(run.length),
        "physical": hex(run.frame), "permissions": run.permissions,
        "flags": flag_names(run.flags, run.level), "name": _name(snapshot, run.start, end),
    }


def _change(change: Change, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "mark": change.mark.value, "address": hex(change.start),
        "range": _span(change.start, change.end), "size": size_text(change.end - change.start),
        "name": _name(snapshot, change.start, change.end),
        "before": change.before_text, "after": change.after_text,
    }


def _table_changes(pictures: Sequence[PageMap]) -> str:
    """One sentence on the tables themselves."""
    before, after = (set(pictures[at].snapshot.tables) for at in (0, -1))
    told = [
        f"{what}: {', '.join(hex(table) for table in sorted(tables))}"
        for what, tables in (("Tables added", after - before), ("removed", before - after))
        if tables
    ]
    return f"{'; '.join(told)}." if told else "The same frames hold tables."
