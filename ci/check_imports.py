#!/usr/bin/env python3
"""Checks which room of scripts/ imports from which: the order is in ci/rooms.

usage: ci/check_imports.py [ROOT]

Prints one line per violation, "file:line: what; why; what to do", and exits 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rooms import SCRIPTS, TABLE, read_rooms, room_of
from violations import Violation, run_check

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402

LINES_MAX = 350
SIZED_SUFFIXES = (".py", ".sh", ".js", ".css", ".html", ".j2", ".awk")
# What serves any kernel.
HARNESS = f"{SCRIPTS}/harness"
# They take a module's name as a string.
IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True)
class Import:
    """One module that a file imports. name: dotted, from scripts/; "" if it cannot be known."""

    path: str
    line: int
    name: str


def imports_of(path: str, tree: ast.Module, modules: dict[str, str]) -> Iterator[Import]:
    """All of them, those in functions as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                yield Import(path, node.lineno, item.name)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield Import(path, node.lineno, "")
                continue
            for item in node.names:
                inner = f"{node.module}.{item.name}"
                yield Import(path, node.lineno, inner if inner in modules else str(node.module))
        elif isinstance(node, ast.Call) and _name_of(node.func) in IMPORTERS:
            yield Import(path, node.lineno, _known_part(node.args[0]) if node.args else "")


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _known_part(name: ast.expr) -> str:
    """A string, or the package that a formatted string begins with."""
    if isinstance(name, ast.Constant):
        return str(name.value)
    first = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else None
    return str(first.value).rstrip(".") if isinstance(first, ast.Constant) else ""


def room_violation(item: Import, target: str, heights: dict[str, int]) -> Violation | None:
    """The rule that one import breaks. target: the file that it imports. heights: of the rooms."""
    start, end = room_of(item.path), room_of(target)
    if start == end or start not in heights or end not in heights:
        return None
    what = f"{start} imports {end} ({target})"
    if _is_harness(start) and not _is_harness(end):
        return Violation(
            item.path, item.line, what, f"{HARNESS} serves any kernel and knows none",
            "hand it in: see scripts/harness/machine/project.py",
        )
    if heights[end] > heights[start]:
        return Violation(
            item.path, item.line, what, f"{end} stands above {start} in {TABLE}",
            "move what both need to a room below, or hand it in",
        )
    return None


def _is_harness(room: str) -> bool:
    return room == HARNESS or room.startswith(f"{HARNESS}/")


def module_name(path: str) -> str:
    parts = PurePosixPath(path).relative_to(SCRIPTS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def cycles(edges: dict[str, dict[str, int]]) -> Iterator[tuple[str, ...]]:
    """Each ring of files that import each other, once. edges: from a file to others, with the line."""
    done: set[str] = set()

    def walk(path: str, way: list[str]) -> Iterator[tuple[str, ...]]:
        if path in way:
            ring = way[way.index(path):]
            first = ring.index(min(ring))
            yield (*ring[first:], *ring[:first])
        elif path not in done:
            for target in sorted(edges.get(path, {})):
                yield from walk(target, [*way, path])
            done.add(path)

    for path in sorted(edges):
        yield from walk(path, [])


def check(root: Path) -> tuple[list[Violation], int]:
    """The violations below `root` and the number of Python files of scripts/. Raises RoomsError."""
    names = read_rooms(root, (SCRIPTS,))
    heights = {name: -place for place, name in enumerate(names)}
    texts = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((root / SCRIPTS).rglob("*"))
        if path.is_file() and path.suffix in SIZED_SUFFIXES
    }
    violations = [found for name, text in texts.items() for found in _size(name, text)]
    python = sorted(name for name in texts if name.endswith(".py"))
    modules = {module_name(name): name for name in python}
    edges: dict[str, dict[str, int]] = {}
    for name in python:
        if room_of(name) not in heights and name != f"{HARNESS}/__init__.py":
            violations.append(Violation(
                name, 1, f"{room_of(name)} is in no room", "each file has a place in the order",
                f"move it, or give the room a line in {TABLE}",
            ))
        for item in imports_of(name, ast.parse(texts[name], name), modules):
            target = modules.get(item.name)
            if not item.name:
                violations.append(Violation(
                    name, item.line, "imports what is not written from scripts/",
                    "such an import cannot be checked", "write the whole name of the module",
                ))
            elif target is not None and target != name:
                found = room_violation(item, target, heights)
                violations += [found] if found else []
                edges.setdefault(name, {})[target] = item.line
    for ring in cycles(edges):
        line = edges[ring[0]][ring[1]] if len(ring) > 1 else 1
        violations.append(Violation(
            ring[0], line, f"an import cycle: {' -> '.join((*ring, ring[0]))}",
            "none of these files can be read, tested or used alone",
            "move what they share to a file below both",
        ))
    return sorted(violations, key=lambda item: (item.path, item.line)), len(python)


def _size(name: str, text: str) -> Iterator[Violation]:
    lines = text.count("\n")
    if lines > LINES_MAX:
        yield Violation(
            name, LINES_MAX + 1, f"has {lines} lines", f"more than {LINES_MAX} do not fit in a head",
            "split it by subject",
        )


if __name__ == "__main__":
    run_script(lambda: run_check("check_imports", str(__doc__), f"Python file of {SCRIPTS}/", check))
