"""Finds what a C file defines by name: functions, types, macros, variables, tests.

Reads the project's own layout (.clang-format): what is defined at file scope begins in the first
column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from check_layering import COMMENT_OR_LITERAL

ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\)\s*")
MACRO = re.compile(r"#\s*define\s+(\w+)")
TYPE = re.compile(r"(?:typedef )?(?:struct|enum|union) (\w+)$")
TEST = re.compile(r"TEST\((\w+), (\w+)")
FUNCTION = re.compile(r"(\w+)\(")
VARIABLE = re.compile(r"(\w+)(?:\[[^]]*\])*$")


@dataclass(frozen=True)
class Definition:
    """Lines first..end-1 of a file, counted from 0. has_body: it is more than a declaration."""

    names: tuple[str, ...]
    first: int
    end: int
    has_body: bool


def without_comments_and_literals(text: str) -> str:
    """`text` with comments and the contents of literals removed and every line where it was."""
    return COMMENT_OR_LITERAL.sub(lambda match: " " + "\n" * match[0].count("\n"), text)


def names_of(code: str) -> tuple[str, ...]:
    """What a piece of code at file scope defines; an enum without a name, its enumerators."""
    macro = MACRO.match(code)
    if macro is not None:
        return (macro[1],)
    flat = ATTRIBUTE.sub("", " ".join(code.split()))
    head, brace, body = flat.partition("{")
    head = head.partition("=")[0].rstrip(" ;")
    if head == "enum" and brace:
        return tuple(re.findall(r"(?:^|,)\s*(\w+)", body))
    test = TEST.match(head)
    if test is not None:
        return (f"{test[1]}.{test[2]}",)
    for pattern in (TYPE, FUNCTION, VARIABLE):
        match = pattern.search(head)
        if match is not None:
            return (match[1],)
    return ()


def definitions(text: str) -> Iterator[Definition]:
    """All that `text` defines or declares at file scope, in order."""
    lines = without_comments_and_literals(text).split("\n")
    first = 0
    while first < len(lines):
        if not lines[first].strip() or lines[first][0].isspace():
            first += 1
            continue
        end = end_of(lines, first)
        code = "\n".join(lines[first:end])
        yield Definition(names_of(code), first, end, "{" in code or code.startswith("#"))
        first = end


def end_of(lines: list[str], first: int) -> int:
    """The line behind the piece of code that begins at line `first`."""
    depth = 0
    for number in range(first, len(lines)):
        line = lines[number].rstrip()
        if lines[first].startswith("#"):
            ended = not line.endswith("\\")
        else:
            depth += line.count("{") - line.count("}")
            ended = depth == 0 and line.endswith((";", "}"))
        if ended:
            return number + 1
    return len(lines)


def find_definition(text: str, name: str) -> list[str]:
    """The lines that define `name`, or declare it if nothing defines it. ValueError if there is
    not one such place."""
    found = [definition for definition in definitions(text) if name in definition.names]
    with_body = [definition for definition in found if definition.has_body]
    chosen = with_body or found
    if len(chosen) != 1:
        raise ValueError(f"{len(chosen)} definitions of {name}" if chosen else f"no {name}")
    return text.split("\n")[chosen[0].first : chosen[0].end]
