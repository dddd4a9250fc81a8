#!/usr/bin/env python3
"""Checks that the translations of README.md say what it says, so far as that can be told.

usage: ci/check_translations.py [ROOT]

README.*.md must have the sections of README.md, in each of them the same commands and the same table
rows, name the same things in `code`, and link to the same places and to each other. Words in listings
and all other text are the translator's. Prints one line per difference and exits 1 if there is any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402

ORIGINAL = "README.md"
TRANSLATIONS = "README.*.md"
HEADING = re.compile(r"(#+) (.+)")
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)]+)\)")
RULE = re.compile(r"\|[-|: ]+\|$")
FENCE = "```"
INDENT = "    "
# What is explained in a listing stands behind two spaces.
EXPLANATION = re.compile(r" {2,}.*")


@dataclass(frozen=True)
class Piece:
    """A table row, a command, or all text of a section: its line, and what must be alike in it."""

    line: int
    names: tuple[str, ...]


@dataclass
class Section:
    """level: the number of # of its heading."""

    line: int
    level: int
    title: str
    rows: list[Piece] = field(default_factory=list)
    commands: list[Piece] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def names_in(text: str) -> list[str]:
    """What is in `code`, and where links lead."""
    return [f"`{name}`" for name in CODE.findall(text)] + LINK.findall(CODE.sub("", text))


def sections_of(text: str) -> list[Section]:
    """The text before the first heading is a section, too."""
    sections = [Section(1, 0, "")]
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        section = sections[-1]
        title = HEADING.match(line)
        if line.startswith(FENCE):
            fenced = not fenced
            section.commands.append(Piece(number, (line,)))
        elif fenced:
            section.commands.append(Piece(number, (line,)))
        elif line.startswith(INDENT):
            command = EXPLANATION.sub("", line[len(INDENT):])
            if command:  # what continues an explanation has none
                section.commands.append(Piece(number, (command,)))
        elif title is not None:
            sections.append(Section(number, len(title[1]), title[2]))
        elif line.startswith("|"):
            if not RULE.match(line):
                section.rows.append(Piece(number, tuple(sorted(names_in(line)))))
        else:
            section.names.update(names_in(line))
    return sections


def pieces_differ(
    name: str, section: Section, kind: str, ours: list[Piece], theirs: list[Piece]
) -> Iterator[str]:
    """How two lists of rows or commands differ: only where first, if what follows is shifted."""
    for mine, original in zip_longest(ours, theirs):
        have = set(mine.names) if mine is not None else set()
        want = set(original.names) if original is not None else set()
        if mine is None or original is None or mine.names != original.names:
            line = mine.line if mine is not None else section.line
            yield f"{name}:{line}: {kind}: {difference(have, want)}"
            if len(ours) != len(theirs):
                return


def difference(have: set[str], want: set[str]) -> str:
    """What is missing and what is too much."""
    told = [f"{what} {', '.join(sorted(names))}"
            for what, names in (("lacks", want - have), (f"has, and {ORIGINAL} has not,", have - want))
            if names]
    return "; ".join(told) or f"not as often or not in the place of {ORIGINAL}"


def heading(section: Section | None) -> str:
    return f"'{'#' * section.level} {section.title}'" if section is not None else "no heading"


def differences(root: Path, path: Path) -> Iterator[str]:
    """What a translation has otherwise than the original."""
    readmes = {other.name for other in documents(root)}
    theirs = sections_of((root / ORIGINAL).read_text(encoding="utf-8"))
    ours = sections_of(path.read_text(encoding="utf-8"))
    for mine, original in zip_longest(ours, theirs):
        if mine is None or original is None or mine.level != original.level:
            line = mine.line if mine is not None else ours[-1].line
            yield f"{path.name}:{line}: {heading(mine)} stands where {ORIGINAL} has {heading(original)}"
            return
    for section, original in zip(ours, theirs):
        yield from pieces_differ(path.name, section, "row", section.rows, original.rows)
        yield from pieces_differ(path.name, section, "command", section.commands, original.commands)
        have, want = section.names - readmes, original.names - readmes
        if have != want:
            yield f"{path.name}:{section.line}: text of '{section.title}': {difference(have, want)}"


def missing_links(root: Path) -> Iterator[str]:
    for path in documents(root):
        links = set(LINK.findall(path.read_text(encoding="utf-8")))
        for other in documents(root):
            if other != path and other.name not in links:
                yield f"{path.name}:1: no link to {other.name}"


def documents(root: Path) -> list[Path]:
    return [root / ORIGINAL, *sorted(root.glob(TRANSLATIONS))]


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0 if len(arguments) == 1 else 2
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    translations = documents(root)[1:]
    if not (root / ORIGINAL).is_file() or not translations:
        print(f"check_translations: no {ORIGINAL} with {TRANSLATIONS} in {root}", file=sys.stderr)
        return 1
    found = [line for path in translations for line in differences(root, path)]
    found += missing_links(root)
    for line in found:
        print(line)
    print(f"check_translations: {len(translations)} files, {len(found)} differences", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
