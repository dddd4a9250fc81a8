"""A PageMap as an SVG: a column for each level, a box for each table, an edge for each link."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from harness.pages.dump import (
    ALL_RIGHTS,
    NO_EXECUTE,
    USER,
    WRITABLE,
    flag_names,
    permissions,
    shift,
)
from harness.pages.model import Box, Kind, Mark, PageMap, Row, page_size_text, size_text

STYLE = Path(__file__).with_name("page_map_svg.css")
SVG_NAMESPACE = "http://www.w3.org/2000/svg"

# Pixels. A character of 12 px in the widest of the fonts that the style names.
CHARACTER = 7.25
MARGIN, GAP, BOX_GAP, PAD = 24.0, 56.0, 14.0, 8.0
HEADER, STRIP, STRIP_TOP = 36.0, 7.0, 23.0
PAGE_ROW, ROW = 33.0, 20.0
CHIP, CHIP_HEIGHT = 38.0, 15.0
COLUMN_MIN = 200.0
LOOP = 22.0
HEADING = 40.0
LEGEND = (
    (0, "read only"), (WRITABLE, "read and write"), (NO_EXECUTE, "read and execute"),
    (WRITABLE | NO_EXECUTE, "write and execute"), (USER, "u: by user code, too"),
)
MARKS = {Mark.ADDED: "+", Mark.REMOVED: "−", Mark.CHANGED: "~"}


def draw(picture: PageMap) -> str:
    """The SVG, complete in itself and well-formed XML."""
    drawing = _Drawing(picture)
    return drawing.text()


class _Drawing:
    """One picture: places first, shapes after."""

    def __init__(self, picture: PageMap) -> None:
        self.picture = picture
        levels = picture.snapshot.levels
        self.widths = {level: _column_width(picture, level) for level in range(1, levels + 1)}
        self.left: dict[int, float] = {}
        x = MARGIN
        for level in range(levels, 0, -1):
            self.left[level] = x
            x += self.widths[level] + GAP
        self.summary = _summary(picture)
        legend = sum(CHIP + 18 + len(text) * CHARACTER for _, text in LEGEND)
        longest = max(len(text) for text in self.summary) * CHARACTER
        self.width = max(x - GAP, legend + MARGIN, longest + MARGIN) + MARGIN
        self.top = MARGIN + 20 * (len(self.summary) + 2) + HEADING
        self.boxes: dict[int, float] = {}
        self._floor = dict.fromkeys(range(1, levels + 1), self.top + BOX_GAP)
        self._place(picture.root)
        self.height = max(self._floor.values()) + MARGIN

    def text(self) -> str:
        svg = ET.Element("svg", {
            "xmlns": SVG_NAMESPACE, "class": "page-map", "role": "img",
            "viewBox": f"0 0 {self.width:.0f} {self.height:.0f}",
            "width": f"{self.width:.0f}", "height": f"{self.height:.0f}",
        })
        ET.SubElement(svg, "title").text = self.picture.snapshot.title
        ET.SubElement(svg, "style").text = STYLE.read_text(encoding="utf-8")
        _rect(svg, 0, 0, self.width, self.height, "paper")
        self._heading(svg)
        for box in self.picture.boxes:
            self._edges(svg, box)
        for box in self.picture.boxes:
            self._box(svg, box)
        return ET.tostring(svg, encoding="unicode") + "\n"

    def _place(self, box: Box) -> None:
        """Puts a box beside its first child, and no two of a level at one place."""
        top = self._floor[box.level]
        first = True
        for offset, row in _offsets(box):
            child = box.children.get(row.first)
            if child is None or row.kind is not Kind.TABLE:
                continue
            beside = offset + ROW / 2 - HEADER / 2
            self._floor[child.level] = max(self._floor[child.level], top + beside)
            self._place(child)
            if first:
                top, first = max(top, self.boxes[id(child)] - beside), False
        self.boxes[id(box)] = top
        self._floor[box.level] = top + _height(box) + BOX_GAP

    def _heading(self, svg: ET.Element) -> None:
        y = MARGIN + 8
        _text(svg, MARGIN, y, self.summary[0], "title")
        for line in self.summary[1:]:
            y += 20
            warning = "warning" if line.startswith("Incomplete") else ""
            _text(svg, MARGIN, y, line, warning)
        y += 26
        x = MARGIN
        for rights, text in LEGEND:
            _chip(svg, x, y - 11, rights, link=False)
            _text(svg, x + CHIP + 6, y, text, "dim")
            x += CHIP + 18 + len(text) * CHARACTER
        for level, left in self.left.items():
            low = shift(level)
            _text(svg, left, self.top - 14, f"Level {level}", "level")
            covers = f"an entry: {page_size_text(level)}, bits {low + 8}–{low}"
            _text(svg, left, self.top + 2, covers, "dim")

    def _edges(self, svg: ET.Element, box: Box) -> None:
        top = self.boxes[id(box)]
        right = self.left[box.level] + self.widths[box.level]
        for offset, row in _offsets(box):
            y = top + offset + ROW / 2
            key = _keys(box, row)
            child = box.children.get(row.first)
            if row.kind is Kind.TABLE and child is not None:
                x, to = self.left[child.level], self.boxes[id(child)] + HEADER / 2
                bend = (right + x) / 2
                _curve(svg, "edge", (right, y), bend, (x, to), key)
            elif row.kind is Kind.AGAIN and row.frame == box.table:
                x, to = self.left[box.level], top + HEADER / 2
                _curve(svg, "again-edge", (x, y), x - LOOP, (x, to), key)

    def _box(self, svg: ET.Element, box: Box) -> None:
        left, top, width = self.left[box.level], self.boxes[id(box)], self.widths[box.level]
        group = ET.SubElement(svg, "g", {"class": "table-box"})
        _rect(group, left, top, width, _height(box), "box", 4)
        _rect(group, left + .5, top + .5, width - 1, HEADER - 2, "head", 4)
        root = " root" if box is self.picture.root else ""
        _text(group, left + PAD, top + 15, f"{box.table:#x}{root}", "table-name")
        _text(group, left + width - PAD, top + 15, f"{box.used} of 512", "dim", "end")
        self._slots(group, box, left + PAD, top + STRIP_TOP, width - 2 * PAD)
        if not box.rows:
            _text(group, left + PAD, top + HEADER + 15, _nothing(self.picture, box), "dim")
        for offset, row in _offsets(box):
            self._row(group, box, row, left, top + offset, width)

    def _slots(self, group: ET.Element, box: Box, x: float, y: float, width: float) -> None:
        """The 512 entries as a strip: which are used, and what for."""
        _rect(group, x, y, width, STRIP, "slots")
        for row in box.rows:
            if row.kind is not Kind.MORE:
                kind = _colour(row.rights) if row.kind is Kind.PAGE else "table"
                left = x + width * row.first / 512
                _rect(group, left, y, max(width * row.count / 512, 1.5), STRIP, kind)

    def _row(
        self, parent: ET.Element, box: Box, row: Row, left: float, top: float, width: float
    ) -> None:
        if row.kind is Kind.MORE:
            _text(parent, left + PAD, top + 14, f"… and {row.count} rows more", "dim")
            return
        address = {"data-address": hex(row.start)}
        kind = f"row mark-{row.mark.value}" if row.mark else "row"
        group = ET.SubElement(parent, "g", {"class": kind, **_keys(box, row), **address})
        ET.SubElement(group, "title").text = _hint(box, row)
        _rect(group, left + 2, top, width - 4, _row_height(row) - 1, "hit", 3)
        head, name, below = _lines(box, row)
        line = ET.SubElement(group, "text", {"x": f"{left + PAD:.1f}", "y": f"{top + 14:.1f}"})
        if row.mark is not None:
            mark = ET.SubElement(line, "tspan", {"class": f"name {row.mark.value}"})
            mark.text = MARKS[row.mark] + " "
        ET.SubElement(line, "tspan").text = head
        ET.SubElement(line, "tspan", {"class": "name"}).text = name
        if below:
            _text(group, left + PAD, top + 27, below, "dim")
        if row.kind is not Kind.ABSENT:
            x = left + width - PAD - CHIP
            _chip(group, x, top + 2.5, row.rights, link=row.kind is not Kind.PAGE)


def _column_width(picture: PageMap, level: int) -> float:
    """What the longest row of the column takes."""
    width = COLUMN_MIN
    for box in picture.boxes:
        for row in box.rows if box.level == level else ():
            head, name, below = _lines(box, row)
            length = max(len(head + name) + (2 if row.mark else 0), len(below))
            width = max(width, length * CHARACTER + 3 * PAD + CHIP)
    return width


def _summary(picture: PageMap) -> list[str]:
    """Title and counts, a line each."""
    snapshot = picture.snapshot
    count = sum(picture.tables.values())
    each = ", ".join(f"{picture.tables[level]} of level {level}"
                     for level in range(snapshot.levels, 0, -1))
    pages = [f"{picture.pages[level]} × {page_size_text(level)}"
             for level in (3, 2, 1) if picture.pages[level]]
    mapped = sum(number << shift(level) for level, number in picture.pages.items())
    lines = [
        snapshot.title,
        f"{count} tables, {size_text(count << 12)}: {each}",
        f"Mapped: {size_text(mapped)} in {' + '.join(pages)} pages" if pages else "Mapped: nothing",
    ]
    if picture.undrawn:
        lines.append(f"Not drawn: {picture.undrawn} tables")
    if not picture.complete:
        lines.append("Incomplete: there is more, and reading it took too long")
    return lines


def _lines(box: Box, row: Row) -> tuple[str, str, str]:
    """What a row says: index and size, its name, and a second line."""
    width = max(len(_index(other)) for other in box.rows)
    head = f"{_index(row):{width}} "
    if row.kind is Kind.PAGE:
        itself = ", this table" if row.frame == box.table and row.count == 1 else ""
        below = f"{row.start:016x} → {row.frame:#x}{itself}"
        return f"{head}{row.count} × {page_size_text(box.level)}  ", row.name, below
    if row.kind is Kind.TABLE:
        return head, row.name or f"{row.start:016x}", ""
    if row.kind is Kind.AGAIN:
        again = "itself" if row.frame == box.table else f"again {row.frame:#x}"
        return f"{head}↺ {again}  ", row.name, ""
    if row.kind is Kind.UNREADABLE:
        return f"{head}{row.frame:#x} ", "no memory", ""
    if row.kind is Kind.MORE:
        return "", "", ""
    return f"{head}not present  ", "" if row.entry == 0 else f"{row.entry:#x}", ""


def _index(row: Row) -> str:
    if row.kind is Kind.MORE:
        return ""
    return f"[{row.first}]" if row.count == 1 else f"[{row.first}–{row.last}]"


def _hint(box: Box, row: Row) -> str:
    """What shows when the mouse rests on a row."""
    end = row.end(box.level) - 1
    flags = flag_names(row.entry, box.level)
    lines = [
        f"{row.start:016x}–{end:016x}", row.name, f"entry {row.entry:#018x}: {flags or 'zero'}",
        f"effective: {row.permissions}" if row.kind is not Kind.ABSENT else "",
        row.mark.value if row.mark else "",
    ]
    return "\n".join(line for line in lines if line)


def _nothing(picture: PageMap, box: Box) -> str:
    return "no memory" if box.table in picture.snapshot.unreadable else "no entry is in use"


def _offsets(box: Box) -> Iterable[tuple[float, Row]]:
    """Each row with its distance from the top of the box."""
    y = HEADER
    for row in box.rows:
        yield y, row
        y += _row_height(row)


def _row_height(row: Row) -> float:
    return PAGE_ROW if row.kind is Kind.PAGE else ROW


def _height(box: Box) -> float:
    return HEADER + (sum(_row_height(row) for row in box.rows) or ROW) + 4


def _keys(box: Box, row: Row) -> dict[str, str]:
    """By which the page finds the shapes of an entry."""
    return {"data-table": hex(box.table), "data-first": str(row.first), "data-last": str(row.last)}


def _colour(rights: int) -> str:
    write, execute = bool(rights & WRITABLE), bool(rights & NO_EXECUTE)
    return {(0, 0): "read", (1, 0): "write", (0, 1): "execute", (1, 1): "both"}[write, execute]


def _chip(parent: ET.Element, x: float, y: float, rights: int, *, link: bool) -> None:
    user = " user" if rights & USER else ""
    group = ET.SubElement(parent, "g", {"class": f"chip{' link' if link else ''}{user}"})
    _rect(group, x, y, CHIP, CHIP_HEIGHT, _colour(rights & ALL_RIGHTS), 4)
    _text(group, x + CHIP / 2, y + 11.5, permissions(rights), "", "middle")


def _curve(
    parent: ET.Element, kind: str, start: tuple[float, float], bend: float,
    end: tuple[float, float], key: dict[str, str],
) -> None:
    """From start to end, level at both, with its turning at x = bend."""
    points = (start, (bend, start[1]), (bend, end[1]), end)
    first, *rest = (f"{x:.1f},{y:.1f}" for x, y in points)
    path = {"class": kind, "d": f"M{first} C{' '.join(rest)}", **key}
    ET.SubElement(parent, "path", path)


def _rect(
    parent: ET.Element, x: float, y: float, width: float, height: float, kind: str,
    radius: float = 0,
) -> None:
    shape = {"class": kind, "x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}",
             "height": f"{height:.1f}"}
    ET.SubElement(parent, "rect", shape | ({"rx": f"{radius:g}"} if radius else {}))


def _text(
    parent: ET.Element, x: float, y: float, text: str, kind: str = "", anchor: str = ""
) -> None:
    shape = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
    shape |= {"class": kind} if kind else {}
    shape |= {"text-anchor": anchor} if anchor else {}
    ET.SubElement(parent, "text", shape).text = text
