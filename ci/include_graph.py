#!/usr/bin/env python3
"""Draws the rooms of the code in the order of ci/rooms, and which includes headers of which other.

usage: ci/include_graph.py [--check] SVG

Writes the picture (graphviz lays it out), or with --check only says what in it is out of date. An arrow
that a longer path implies is left out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import textwrap
from collections import defaultdict
from html import escape
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from check_layering import PORT_HEADER, Source, project_files, without_comments
from rooms import C_DIRECTORIES, TABLE, Room, RoomsError, read_rooms, room_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402
from harness.host.whole_file import write_whole  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".c", ".h", ".asm")
# The directory whose rooms are drawn in a frame. To those outside it is one thing.
FRAME = "kernel"
SVG = "{http://www.w3.org/2000/svg}"
ARROW = "->"
EXIT_OUT_OF_DATE, EXIT_NO_DOT = 1, 3

COLOURS = {"mm": "#dcebd5", "testing": "#f6e3c8", "kernel": "#d6e4f3", "tests": "#ececec"}
HEADER_COLOUR = "#ffffff"
PURPOSE_COLUMNS = 30

Edge = tuple[str, str]


class GraphError(Exception):
    """The picture or the tree is not what it must be."""


def include_edges(root: Path, rooms: dict[str, Room]) -> set[Edge]:
    """From each node of the picture to the others whose headers it includes."""
    edges: set[Edge] = set()
    for name, path in project_files(root):
        if path.suffix not in SUFFIXES or not name.startswith(C_DIRECTORIES):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        start = _node_of(name, rooms)
        for include in Source(name, without_comments(text).split("\n")).includes():
            if include.name == PORT_HEADER:
                edges.add((start, PORT_HEADER))
            elif include.quoted and (root / include.name).is_file():
                end = _node_of(include.name, rooms)
                outside = _is_framed(end) and not _is_framed(start)
                edges.add((start, FRAME if outside else end))
    return {(start, end) for start, end in edges if start != end}


def _node_of(file: str, rooms: dict[str, Room]) -> str:
    """The room that a file is in; of a room within a room, the outer one."""
    room = room_of(file)
    if room not in rooms:
        raise GraphError(f"{file} is in {room}, which has no place in {TABLE}")
    return next(str(outer) for outer in (*reversed(PurePosixPath(room).parents), room)
                if str(outer) in rooms)


def _is_framed(node: str) -> bool:
    return node.split("/")[0] == FRAME


def without_implied(edges: set[Edge]) -> set[Edge]:
    """The edges that no longer path implies. The frame leads to each room in it, which is not drawn."""
    rooms = {node for edge in edges for node in edge if _is_framed(node) and node != FRAME}
    below: dict[str, set[str]] = defaultdict(set)
    for start, end in edges | {(FRAME, room) for room in rooms}:
        below[start].add(end)
    reached: dict[str, set[str]] = {}

    def reach(node: str, path: tuple[str, ...]) -> set[str]:
        """All nodes below one."""
        if node in path:
            circle = [*path[path.index(node):], node]
            raise GraphError("includes go round in a circle: " + " -> ".join(circle))
        if node not in reached:
            reached[node] = below[node].union(
                *(reach(end, (*path, node)) for end in sorted(below[node]))
            )
        return reached[node]

    for node in sorted(below.copy()):
        reach(node, ())
    return {
        (start, end) for start, end in edges
        if not any(end in reached[other] for other in below[start] - {end})
    }


def drawn(svg: str) -> tuple[set[Edge], dict[str, str]]:
    """The arrows in a picture that graphviz has made, and what is written in each node. Raises GraphError
    for anything else."""
    try:
        tree = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise GraphError(f"is no SVG: {error}") from None
    edges: set[Edge] = set()
    texts: dict[str, str] = {}
    for group in tree.iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title", "")
        if group.get("class") == "edge":
            start, _, end = title.partition(ARROW)
            edges.add((start, FRAME if _is_framed(end) and not _is_framed(start) else end))
        elif group.get("class") == "node":
            texts[title] = " ".join(text.text or "" for text in group.iter(f"{SVG}text"))
    return edges, texts


def _label(node: str, rooms: dict[str, Room]) -> list[str]:
    """The lines in a node: its name, and what it is for."""
    room = rooms.get(node)
    return [node, *textwrap.wrap(room.purpose, PURPOSE_COLUMNS)] if room else [node]


def dot_source(edges: set[Edge], rooms: dict[str, Room]) -> str:
    """The graph in graphviz's language."""
    nodes = {node for edge in edges for node in edge} - {FRAME}
    ordered = [name for name in rooms if name in nodes] + sorted(nodes - set(rooms))
    first = next((node for node in ordered if _is_framed(node)), FRAME)
    lines = [
        "digraph {",
        'compound=true; nodesep=0.25; ranksep=0.35; fontname="sans-serif"; fontsize=13;',
        'node [shape=box, style="filled,rounded", fontname="sans-serif", fontsize=12, margin="0.1,0.06"];',
        'edge [color="#666666", arrowsize=0.7];',
        f'subgraph cluster_frame {{ label="{FRAME}/"; color="#999999"; style=rounded;',
        *(_node_line(node, rooms) for node in ordered if _is_framed(node)),
        "}",
        *(_node_line(node, rooms) for node in ordered if not _is_framed(node)),
        *(_edge_line(edge, first) for edge in sorted(edges)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _node_line(node: str, rooms: dict[str, Room]) -> str:
    if node == PORT_HEADER:
        return f'"{node}" [shape=note, style=filled, fillcolor="{HEADER_COLOUR}"];'
    name, *purpose = (escape(line) for line in _label(node, rooms))
    small = "".join(f'<br/><font point-size="9">{line}</font>' for line in purpose)
    return f'"{node}" [fillcolor="{COLOURS[node.split("/")[0]]}", label=<<b>{name}</b>{small}>];'


def _edge_line(edge: Edge, first: str) -> str:
    start, end = edge
    if end == FRAME:
        return f'"{start}" -> "{first}" [lhead=cluster_frame];'
    return f'"{start}" -> "{end}";'


def draw(edges: set[Edge], rooms: dict[str, Room], path: Path) -> None:
    """Writes the picture. Raises GraphError without graphviz."""
    if shutil.which("dot") is None:
        raise GraphError("dot is missing: Debian's package graphviz has it")
    source = dot_source(edges, rooms)
    result = subprocess.run(
        ["dot", "-Tsvg"], input=source, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise GraphError(f"dot failed: {result.stderr.strip()}")
    write_whole(path, result.stdout)


def differences(edges: set[Edge], rooms: dict[str, Room], path: Path) -> list[str]:
    """A line for each arrow and each room that is in only one of the sources and the picture."""
    drawn_edges, texts = drawn(path.read_text(encoding="utf-8"))
    wanted = {node: " ".join(_label(node, rooms)) for edge in edges for node in edge if node != FRAME}
    return [
        *(f"{start} includes {end}: not drawn" for start, end in sorted(edges - drawn_edges)),
        *(f"{start} includes {end}: drawn, but not so" for start, end in sorted(drawn_edges - edges)),
        *(f"{node}: drawn otherwise than {TABLE} says" for node, text in sorted(wanted.items())
          if texts.get(node) != text and not (node not in texts and edges - drawn_edges)),
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="`make architecture` redraws the picture."
    )
    parser.add_argument("--check", action="store_true", help="only compare the picture")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the tree, if not this one")
    parser.add_argument("svg", type=Path, metavar="SVG")
    options = parser.parse_args(arguments)
    try:
        rooms = read_rooms(options.root)
        edges = without_implied(include_edges(options.root, rooms))
        if not edges:
            raise GraphError(f"no source file below {options.root} includes another's header")
        if not options.check:
            draw(edges, rooms, options.svg)
            return 0
        wrong = differences(edges, rooms, options.svg)
    except (GraphError, RoomsError, OSError) as error:
        print(f"include_graph: {options.svg}: {error}", file=sys.stderr)
        return EXIT_NO_DOT
    for line in wrong:
        print(f"{options.svg}: {line}")
    if wrong:
        print("include_graph: `make architecture` redraws it", file=sys.stderr)
    return EXIT_OUT_OF_DATE if wrong else 0


if __name__ == "__main__":
    run_script(main)
