#!/usr/bin/env python3
"""Checks that what the documents link to exists: files, and headings by their anchors.

usage: ci/check_links.py [ROOT]

Prints one line per link that leads nowhere, "file:line: what", and exits 1 if there is any. Links
to other hosts are not followed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402

# Directories that are made or that are not the project's.
SKIPPED = ("build", "node_modules")
HIDDEN = re.compile(r"\.(?!github$)")
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
INDENTED = re.compile(r"^(?: {4}|\t)")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
# [text](target "title"), also of a picture inside a link's text, and [name]: target
INLINE = re.compile(r"\]\(\s*<?([^\s)>]*)>?(?:\s+[\"'(][^)]*)?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]^]+\]:\s*<?([^\s>]+)>?")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)\s*$")
EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
LINK_TEXT = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)
LINE_ANCHOR = re.compile(r"L(\d+)(?:-L(\d+))?")


def text_lines(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines that are not code."""
    fence, blank_before = "", True
    indented = False
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if fence:
            closes = mark is not None and mark[1].startswith(fence) and not line.strip(" `~")
            fence = "" if closes else fence
        elif mark is not None:
            fence = mark[1]
        else:
            # Indented text is code after a blank line only; else it goes on with its paragraph.
            indented = bool(INDENTED.match(line)) and (blank_before or indented)
            if not indented:
                yield number, line
        blank_before = not line.strip()


def headings_of(text: str) -> Iterator[str]:
    """The text of each heading, marked by `#` or by a line below it."""
    above = ""
    for _, line in text_lines(text):
        heading = HEADING.match(line)
        if heading is not None:
            yield heading[1]
        elif UNDERLINE.match(line) and above:
            yield above
        above = "" if heading is not None else line.strip()


def anchors_of(text: str) -> set[str]:
    """Those that a reader's page has: a heading's words in lower case, joined by hyphens."""
    anchors: set[str] = set()
    for heading in headings_of(text):
        words = LINK_TEXT.sub(r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count, numbered = 0, anchor
        while numbered in anchors:
            count += 1
            numbered = f"{anchor}-{count}"
        anchors.add(numbered)
    return anchors | set(EXPLICIT_ANCHOR.findall(text))


def links_of(text: str) -> Iterator[tuple[int, str]]:
    """Each link's line and target."""
    for number, line in text_lines(text):
        plain = CODE.sub("", line)
        for target in INLINE.findall(plain) + DEFINITION.findall(plain):
            yield number, target


def fault_of(root: Path, document: Path, target: str) -> str | None:
    """What is wrong with a link, or None."""
    if ELSEWHERE.match(target):
        return None
    name, _, anchor = target.partition("#")
    path = document
    if name:
        start = root if name.startswith("/") else document.parent
        path = (start / unquote(name).lstrip("/")).resolve()
        if not path.is_relative_to(root):
            return f"{target} leads out of the project"
        if not path.exists():
            return f"there is no {path.relative_to(root)}"
    if not anchor:
        return None if name else "a link without a target"
    return _anchor_fault(root, path, anchor)


def _anchor_fault(root: Path, path: Path, anchor: str) -> str | None:
    shown = path.relative_to(root)
    if path.is_dir():
        return f"{shown} is a directory and has no anchors"
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".md":
        return None if unquote(anchor) in anchors_of(text) else f"{shown} has no heading #{anchor}"
    lines = LINE_ANCHOR.fullmatch(anchor)
    last = max(int(number) for number in lines.groups() if number) if lines else 0
    return None if lines and 0 < last <= len(text.splitlines()) else f"{shown} has no #{anchor}"


def documents(root: Path) -> Iterator[Path]:
    """The project's documents, in order."""
    for path in sorted(root.rglob("*.md")):
        parents = path.relative_to(root).parts[:-1]
        if path.is_file() and not any(name in SKIPPED or HIDDEN.match(name) for name in parents):
            yield path


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0 if len(arguments) == 1 else 2
    root = (Path(arguments[0]) if arguments else Path(__file__).parent.parent).resolve()
    link_count = fault_count = 0
    for document in documents(root):
        for line, target in links_of(document.read_text(encoding="utf-8", errors="replace")):
            link_count += 1
            fault = fault_of(root, document, target)
            if fault is not None:
                fault_count += 1
                print(f"{document.relative_to(root)}:{line}: {fault}")
    if link_count == 0:
        print(f"check_links: no document with a link below {root}", file=sys.stderr)
        return 1
    print(f"check_links: {link_count} links, {fault_count} lead nowhere", file=sys.stderr)
    return 1 if fault_count else 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
