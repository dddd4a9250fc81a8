#!/usr/bin/env python3
"""Checks that the code and the output that documents show are those of the project.

A comment before a fenced block says where the block is from:

  <!-- code: mm/map.c build_branch -->            definitions, by name
  <!-- code: mm/map.c from "phys_addr a" to "}" -->   lines, by what stands in the first and the last
  <!-- output: ./scripts/x.py --list from "A" -->     lines that a command prints; one line without `to`
  <!-- example: what checks it instead -->        code that is not in the sources

Each block marked `c` or `text` needs such a comment. The documents are README*.md, CONTRIBUTING.md
and docs/*.md. A command runs in the root directory and must print the lines; addresses in the kernel
image and on its stack, which each change of the code moves, may differ.
"""

from __future__ import annotations

import argparse
import functools
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from c_definitions import find_definition

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402

DOCUMENTS = ("README*.md", "CONTRIBUTING.md", "docs/*.md")
MARKER = re.compile(r"<!-- (code|output|example): (.+) -->$")
FENCE = re.compile(r"```(\w*)$")
# Of blocks that need a marker.
LANGUAGES = ("c", "text")
COMMAND_LIMIT_S = 60.0

# The image is linked at 0xffffffff80000000 and loaded at 2 MiB, and ends below 4 MiB; its last frames
# are stacks.
IMAGE_ADDRESS = re.compile(r"0x(?:ffffffff80[0-9a-f]{6}|ffffd0000[0-9a-f]{7}|[23][0-9a-f]{5})\b")


class NoFragment(Exception):
    """What a marker asks for cannot be had; one line says why."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a document. line: of the fence, from 1; the text is lines line..end-1."""

    document: str
    line: int
    end: int
    language: str
    text: list[str]
    kind: str = ""
    source: str = ""


@dataclass(frozen=True)
class Violation:
    block: Block
    what: str

    def __str__(self) -> str:
        return f"{self.block.document}:{self.block.line}: {self.what}"


def blocks_of(document: str, text: str) -> Iterator[Block]:
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if fence is None:
            number += 1
            continue
        end = next((n for n in range(number + 1, len(lines)) if lines[n] == "```"), len(lines))
        marker = MARKER.match(lines[number - 1]) if number > 0 else None
        kind, source = (marker[1], marker[2]) if marker is not None else ("", "")
        yield Block(document, number + 1, end, fence[1], lines[number + 1 : end], kind, source)
        number = end + 1


def selected(lines: list[str], words: list[str]) -> list[str]:
    """The lines from the one that contains a text to the next one that contains another one.
    words: from TEXT [to TEXT]."""
    if len(words) not in (2, 4) or words[0] != "from" or words[2:3] not in ([], ["to"]):
        raise NoFragment(f"'{shlex.join(words)}' is not: from TEXT [to TEXT]")
    starts = [number for number, line in enumerate(lines) if words[1] in line]
    if len(starts) != 1:
        raise NoFragment(f"{len(starts) or 'no'} lines contain '{words[1]}'; it takes one")
    if len(words) == 2:
        return [lines[starts[0]]]
    for number in range(starts[0], len(lines)):
        if words[3] in lines[number]:
            return lines[starts[0] : number + 1]
    raise NoFragment(f"no line behind '{words[1]}' contains '{words[3]}'")


def dedented(lines: list[str]) -> list[str]:
    """Without the indentation that the lines share, and without the frame of a comment."""
    if all(line.startswith(" *") for line in lines):
        lines = [line[2:] for line in lines]
    return textwrap.dedent("\n".join(lines)).split("\n")


def code_of(root: Path, source: str) -> list[str]:
    name, *words = shlex.split(source)
    try:
        text = (root / name).read_text(encoding="utf-8")
    except OSError as error:
        raise NoFragment(f"cannot read {name}: {error.strerror}") from None
    if not words:
        raise NoFragment(f"what of {name}? Name a definition, or: from TEXT to TEXT")
    if words[0] == "from":
        return dedented(selected(text.split("\n"), words))
    found: list[str] = []
    for word in words:
        try:
            found += ([""] if found else []) + find_definition(text, word)
        except ValueError as error:
            raise NoFragment(f"{error} in {name}") from None
    return found


@functools.lru_cache(maxsize=None)
def printed(root: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """What a command prints. Its status does not count: some are shown because they fail."""
    try:
        done = subprocess.run(
            command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=COMMAND_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoFragment(f"{shlex.join(command)}: {error}") from None
    if not done.stdout:
        raise NoFragment(f"{shlex.join(command)} printed nothing: {done.stderr.strip()}")
    return tuple(line.rstrip() for line in done.stdout.splitlines())


def output_of(root: Path, source: str) -> list[str]:
    words = shlex.split(source)
    if "from" not in words[1:]:
        raise NoFragment("which lines of the output? Add: from TEXT [to TEXT]")
    at = words.index("from", 1)
    return dedented(selected(list(printed(root, tuple(words[:at]))), words[at:]))


def comparable(lines: list[str]) -> list[str]:
    return [IMAGE_ADDRESS.sub("0x<image>", line) for line in lines]


def first_difference(shown: list[str], real: list[str]) -> str:
    for have, want in zip(shown, real):
        if comparable([have]) != comparable([want]):
            return f"shows '{have.strip()}', the source has '{want.strip()}'"
    return f"shows {len(shown)} lines, the source has {len(real)}"


def fresh(root: Path, block: Block) -> list[str]:
    """What the block should show. NoFragment if that cannot be said."""
    if block.kind == "code":
        return code_of(root, block.source)
    real = output_of(root, block.source)
    # An address that has only moved is left as it is shown.
    return block.text if comparable(block.text) == comparable(real) else real


def check_block(root: Path, block: Block, kinds: tuple[str, ...]) -> Violation | None:
    if not block.kind:
        if block.language not in LANGUAGES:
            return None
        return Violation(block, f"a block of {block.language} without a comment that says its source")
    if block.kind not in kinds:
        return None
    try:
        real = fresh(root, block)
    except NoFragment as reason:
        return Violation(block, str(reason))
    if real == block.text:
        return None
    return Violation(block, f"{first_difference(block.text, real)}; --update takes it over")


def update(root: Path, path: Path, kinds: tuple[str, ...]) -> None:
    """Writes into the document what its blocks should show, where that can be said."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    lines = text.split("\n")
    for block in reversed(list(blocks_of(path.name, text))):
        if block.kind in kinds:
            try:
                lines[block.line : block.end] = fresh(root, block)
            except NoFragment:
                continue  # the check that follows reports it
    if lines != text.split("\n"):
        path.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")


def check(root: Path, kinds: tuple[str, ...]) -> tuple[list[Violation], int]:
    """All violations in the documents of `root`, and how many blocks have a source."""
    violations: list[Violation] = []
    count = 0
    for path in documents(root):
        name = path.relative_to(root).as_posix()
        for block in blocks_of(name, path.read_text(encoding="utf-8", errors="replace")):
            count += block.kind in kinds
            found = check_block(root, block, kinds)
            if found is not None:
                violations.append(found)
    return violations, count


def documents(root: Path) -> list[Path]:
    return sorted(path for pattern in DOCUMENTS for path in root.glob(pattern) if path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="write into the documents what is so")
    parser.add_argument("--only", choices=("code", "output"), help="check this kind of block only")
    parser.add_argument("root", nargs="?", type=Path, help="the project; default: this one")
    options = parser.parse_args()
    root: Path = (options.root or Path(__file__).parent.parent).resolve()
    kinds = (options.only,) if options.only else ("code", "output")
    if options.update:
        for path in documents(root):
            update(root, path, kinds)
    violations, count = check(root, kinds)
    for violation in violations:
        print(violation)
    if count == 0:
        print(f"check_fragments: no block with a source below {root}", file=sys.stderr)
        return 1
    print(f"check_fragments: {count} blocks, {len(violations)} violations", file=sys.stderr)
    return 1 if violations else 0


if __name__ == "__main__":
    run_script(main)
