#!/usr/bin/env python3
"""Draws which directory includes headers of which other: the architecture, as it is in the sources.

usage: ci/include_graph.py [--check] SVG

Writes the picture (graphviz lays it out), or with --check only says what in it is out of date.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from check_layering import C_DIRECTORIES, PORT_HEADER, Source, project_files, without_comments

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402
from harness.host.whole_file import write_whole  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".c", ".h", ".asm")
# The directory that is drawn part by part, in a frame; `kernel/*` are the files at its top.
FRAMED = "kernel"
TOP = f"{FRAMED}/*"
SVG = "{http://www.w3.org/2000/svg}"
ARROW = "->"
EXIT_OUT_OF_DATE, EXIT_NO_DOT = 1, 3

COLOURS = {"mm": "#dcebd5", "testing": "#f6e3c8", "kernel": "#d6e4f3", "tests": "#ececec"}
HEADER_COLOUR = "#ffffff"

Edge = tuple[str, str]


class GraphError(Exception):
    """The picture or the tree is not what it must be."""


def include_edges(root: Path) -> set[Edge]:
    """From each part of the tree to the others whose headers it includes. For who stands outside,
    the framed directory is one thing, which its TOP stands for."""
    edges: set[Edge] = set()
    for name, path in project_files(root):
        if path.suffix not in SUFFIXES or not name.startswith(C_DIRECTORIES):
            continue
        source = Source(name, without_comments(path.read_text(encoding="utf-8", errors="replace")).split("\n"))
        start = _part(name)
        for include in source.includes():
            if include.name == PORT_HEADER:
                edges.add((start, PORT_HEADER))
            elif include.quoted and (root / include.name).is_file():
                end = _part(include.name)
                outside = _is_framed(end) and not _is_framed(start)
                edges.add((start, TOP if outside else end))
    return {(start, end) for start, end in edges if start != end}


def _part(name: str) -> str:
    """The node of a file: the directory it is in, of which at most two levels are told apart."""
    directories = PurePosixPath(name).parts[:-1][:2]
    return TOP if directories == (FRAMED,) else "/".join(directories)


def _is_framed(node: str) -> bool:
    return node.split("/")[0] == FRAMED


def drawn_edges(svg: str) -> set[Edge]:
    """The arrows in a picture that graphviz has made. Raises GraphError for anything else."""
    try:
        tree = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise GraphError(f"is no SVG: {error}") from None
    titles = (
        group.findtext(f"{SVG}title", "") for group in tree.iter(f"{SVG}g")
        if group.get("class") == "edge"
    )
    return {(start, end) for start, _, end in (title.partition(ARROW) for title in titles)}


def dot_source(edges: set[Edge]) -> str:
    """The graph in graphviz's language."""
    nodes = sorted({node for edge in edges for node in edge})
    lines = [
        "digraph {",
        'compound=true; nodesep=0.3; ranksep=0.5; fontname="sans-serif"; fontsize=13;',
        'node [shape=box, style="filled,rounded", fontname="sans-serif", fontsize=12];',
        'edge [color="#666666", arrowsize=0.7];',
        f'subgraph cluster_frame {{ label="{FRAMED}/"; color="#999999"; style=rounded;',
        *(_node_line(node) for node in nodes if _is_framed(node)),
        "}",
        *(_node_line(node) for node in nodes if not _is_framed(node)),
        *(_edge_line(edge) for edge in sorted(edges)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _node_line(node: str) -> str:
    if node == PORT_HEADER:
        return f'"{node}" [shape=note, style=filled, fillcolor="{HEADER_COLOUR}"];'
    return f'"{node}" [fillcolor="{COLOURS[node.split("/")[0]]}"];'


def _edge_line(edge: Edge) -> str:
    start, end = edge
    to_frame = " [lhead=cluster_frame]" if _is_framed(end) and not _is_framed(start) else ""
    return f'"{start}" -> "{end}"{to_frame};'


def draw(edges: set[Edge], path: Path) -> None:
    """Writes the picture. Raises GraphError without graphviz."""
    if shutil.which("dot") is None:
        raise GraphError("dot is missing: Debian's package graphviz has it")
    result = subprocess.run(
        ["dot", "-Tsvg"], input=dot_source(edges), capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise GraphError(f"dot failed: {result.stderr.strip()}")
    write_whole(path, result.stdout)


def differences(edges: set[Edge], path: Path) -> list[str]:
    """A line for each arrow that is in only one of the sources and the picture."""
    drawn = drawn_edges(path.read_text(encoding="utf-8"))
    missing = [f"{start} includes {end}: not drawn" for start, end in sorted(edges - drawn)]
    surplus = [f"{start} includes {end}: drawn, but not so" for start, end in sorted(drawn - edges)]
    return missing + surplus


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="`make architecture` draws the picture anew."
    )
    parser.add_argument("--check", action="store_true", help="only compare the picture")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the tree, if not this one")
    parser.add_argument("svg", type=Path, metavar="SVG")
    options = parser.parse_args(arguments)
    try:
        edges = include_edges(options.root)
        if not edges:
            raise GraphError(f"no source file below {options.root} includes another's header")
        if not options.check:
            draw(edges, options.svg)
            return 0
        wrong = differences(edges, options.svg)
    except (GraphError, OSError) as error:
        print(f"include_graph: {options.svg}: {error}", file=sys.stderr)
        return EXIT_NO_DOT
    for line in wrong:
        print(f"{options.svg}: {line}")
    if wrong:
        print("include_graph: `make architecture` draws it anew", file=sys.stderr)
    return EXIT_OUT_OF_DATE if wrong else 0


if __name__ == "__main__":
    run_script(main)
