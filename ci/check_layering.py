#!/usr/bin/env python3
"""Checks the direction of dependencies (their order is in ci/rooms) and the sizes of files.

usage: ci/check_layering.py [ROOT]

Prints one line per violation, "file:line: what; why; what to do", and exits 1 if there is any.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402
from rooms import C_DIRECTORIES, TABLE, Room, read_rooms, room_of  # noqa: E402
from violations import Violation, run_check  # noqa: E402

SIZED_DIRECTORIES = (*C_DIRECTORIES, "scripts")
SIZED_SUFFIXES = (".c", ".h", ".asm", ".py", ".sh")
LINES_MAX = 500

# The part of kernel/ that may know the test framework.
TEST_MODE = "kernel/test_mode/"

MM_SYSTEM_HEADERS = (
    "limits.h",
    "stdalign.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdnoreturn.h",
)
TESTING_SYSTEM_HEADERS = (*MM_SYSTEM_HEADERS, "stdarg.h")
PORT_HEADER = "mm_port.h"

# A comment, or a literal, in which what looks like a comment is none.
COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
# In C or, with %, in NASM.
INCLUDE = re.compile(
    r"""^\s*[#%]\s*include\s*(?:"(?P<quoted>[^"]*)"|<(?P<system>[^>]*)>|(?P<other>.*))"""
)
CONDITIONAL = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b")
EXTERN = re.compile(r"\bextern\b")


@dataclass(frozen=True)
class Include:
    """One #include: `name` as written, without its delimiters; `quoted` if they were quotes."""

    line: int
    name: str
    quoted: bool
    computed: bool = False

    def __str__(self) -> str:
        return self.name if self.computed else f'"{self.name}"' if self.quoted else f"<{self.name}>"

    def is_below(self, directory: str) -> bool:
        return self.quoted and self.name.startswith(directory + "/")

    def is_system(self, headers: tuple[str, ...]) -> bool:
        return not self.quoted and not self.computed and self.name in headers


@dataclass(frozen=True)
class Source:
    """A C or assembler file: its path from the root, and its lines without comments."""

    path: str
    lines: list[str]

    @property
    def directory(self) -> str:
        return self.path.split("/", 1)[0]

    def includes(self) -> Iterator[Include]:
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match is None:
                continue
            if match["quoted"] is not None:
                yield Include(number, match["quoted"], quoted=True)
            elif match["system"] is not None:
                yield Include(number, match["system"], quoted=False)
            else:
                yield Include(number, match["other"].strip(), quoted=False, computed=True)


def without_comments(text: str) -> str:
    """`text` with the comments removed and every line where it was."""

    def blank(match: re.Match[str]) -> str:
        token = match[0]
        return token if token[0] in "\"'" else " " + "\n" * token.count("\n")

    return COMMENT_OR_LITERAL.sub(blank, text)


def without_literals(line: str) -> str:
    return COMMENT_OR_LITERAL.sub('""', line)


def include_violation(source: Source, include: Include) -> Violation | None:
    """The first rule that an #include breaks."""

    def violation(why: str, remedy: str) -> Violation:
        return Violation(source.path, include.line, f"includes {include}", why, remedy)

    if include.computed:
        return violation("a computed #include cannot be checked", "write the name of the header")
    if ".." in PurePosixPath(include.name).parts:
        return violation("includes are written from the root", "write the path from the root")
    if source.directory in ("kernel", "mm", "testing") and include.is_below("tests"):
        return violation(
            "what is tested does not know its tests", "move what both need out of tests/"
        )
    if source.directory == "mm" and not (
        include.is_system(MM_SYSTEM_HEADERS)
        or include.is_below("mm")
        or (include.quoted and include.name == PORT_HEADER)
    ):
        return violation(
            "mm/ compiles unchanged into any kernel and on the host",
            f'pass what it needs as an argument, or declare it in "{PORT_HEADER}"',
        )
    if source.directory == "testing" and not (
        include.is_system(TESTING_SYSTEM_HEADERS) or include.is_below("testing")
    ):
        return violation(
            "testing/ serves any kernel and may include freestanding headers only",
            "let the kernel hand it in, as it does with the writer function",
        )
    if source.directory == "kernel" and not source.path.startswith(TEST_MODE):
        if include.is_below("testing"):
            return violation(
                "only the test mode knows the test framework",
                f"move the code that needs it to {TEST_MODE} or tests/",
            )
    return None


def is_relative(root: Path, source: Source, include: Include) -> bool:
    """Whether a compiler finds the header beside the file, and not from the root."""
    beside = PurePosixPath(source.path).parent / include.name
    return not (root / include.name).is_file() and (root / beside).is_file()


def order_violation(
    root: Path, source: Source, include: Include, rooms: dict[str, Room]
) -> Violation | None:
    """Says when an #include leads up in the order of rooms."""
    if not include.quoted or include.name == PORT_HEADER:
        return None
    own_header = str(PurePosixPath(source.path).with_suffix(".h").name)
    if is_relative(root, source, include) and include.name != own_header:
        return Violation(
            source.path, include.line, f"includes {include}", "includes are written from the root",
            f'write "{room_of(source.path)}/{include.name}"',
        )
    start, end = rooms.get(room_of(source.path)), rooms.get(room_of(include.name))
    if start is None or end is None or start.line <= end.line:
        return None
    return Violation(
        source.path,
        include.line,
        f"includes {include}",
        f"{start.name} is below {end.name} in {TABLE}, and a room includes only rooms below it",
        "move the code up, take what it needs as an argument, or let the room above register a function",
    )


def room_violations(root: Path, files: list[str], rooms: dict[str, Room]) -> Iterator[Violation]:
    """Directories that have no place in the order, and places without a directory."""
    first_in: dict[str, str] = {}
    for file in files:
        first_in.setdefault(room_of(file), file)
    for directory, file in first_in.items():
        if directory not in rooms:
            yield Violation(
                file, 1, f"is in {directory}, which is no room",
                f"each directory of C code has its place in {TABLE}",
                f"add a line that says where {directory} stands and what it is for",
            )
    for room in rooms.values():
        if room.name not in first_in:
            yield Violation(
                TABLE, room.line, f"{room.name} has no C code", "the table says what there is",
                "remove the line",
            )


def first_include_violation(root: Path, source: Source) -> Violation | None:
    """Says when x.c has a header x.h beside it and does not include that first."""
    path = PurePosixPath(source.path)
    header = path.with_suffix(".h")
    if path.suffix != ".c" or not (root / header).exists():
        return None
    # A port's header is found by include path, so it goes by its bare name.
    names = (str(header), header.name) if path.parent.name == "port" else (str(header),)
    first = next(source.includes(), None)
    if first is not None and first.quoted and first.name in names:
        return None
    return Violation(
        source.path,
        first.line if first is not None else 1,
        f"the first include is {first}" if first is not None else "does not include its own header",
        "a header that comes first is seen to stand alone",
        f'put #include "{names[-1]}" first',
    )


def source_violations(
    root: Path, source: Source, rooms: dict[str, Room]
) -> Iterator[Violation]:
    for include in source.includes():
        found = include_violation(source, include) or order_violation(root, source, include, rooms)
        if found is not None:
            yield found
    first = first_include_violation(root, source)
    if first is not None:
        yield first
    for number, line in enumerate(source.lines, 1):
        if source.directory == "mm" and CONDITIONAL.match(line):
            yield Violation(
                source.path,
                number,
                f"has {line.strip()}",
                "mm/ is one text for every user",
                f'use #pragma once, an argument, or "{PORT_HEADER}"',
            )
        if source.path.endswith(".c") and EXTERN.search(without_literals(line)):
            yield Violation(
                source.path,
                number,
                "declares something extern",
                "the compiler cannot compare it with its definition",
                "include the header that declares it",
            )


def size_violation(path: str, line_count: int) -> Violation | None:
    if line_count <= LINES_MAX:
        return None
    return Violation(
        path,
        LINES_MAX + 1,
        f"has {line_count} lines",
        f"a file of more than {LINES_MAX} does not fit in a head",
        "split it by noun",
    )


def project_files(root: Path) -> Iterator[tuple[str, Path]]:
    """The files that some rule speaks about, by path from the root, in order."""
    for directory in SIZED_DIRECTORIES:
        for parent, children, names in os.walk(root / directory):
            children.sort()
            for name in sorted(names):
                path = Path(parent, name)
                if path.suffix in SIZED_SUFFIXES and path.is_file():
                    yield path.relative_to(root).as_posix(), path


def check(root: Path) -> tuple[list[Violation], int]:
    """All violations below `root`, and the number of files that were read. Raises RoomsError."""
    rooms = read_rooms(root)
    violations: list[Violation] = []
    sources: list[str] = []
    file_count = 0
    for name, path in project_files(root):
        file_count += 1
        text = path.read_text(encoding="utf-8", errors="replace")
        size = size_violation(name, len(text.splitlines()))
        if size is not None:
            violations.append(size)
        source = Source(name, without_comments(text).split("\n"))
        if source.directory in C_DIRECTORIES and path.suffix in (".c", ".h", ".asm"):
            violations.extend(source_violations(root, source, rooms))
            sources.append(name)
    violations.extend(room_violations(root, sources, rooms))
    return violations, file_count


if __name__ == "__main__":
    run_script(lambda: run_check("check_layering", str(__doc__), "source file", check))
