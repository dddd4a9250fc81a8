#!/usr/bin/env python3
"""Writes the tables of rooms in a document from ci/rooms.

usage: ci/room_table.py [--check] [--root ROOT] DOCUMENT

A table stands behind a line `<!-- rooms: NAME... -->`, which names the directories whose rooms it has.
With --check only says which table is out of date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from rooms import C_DIRECTORIES, SCRIPTS, TABLE, Room, RoomsError, read_rooms

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from harness.host.script import run_script  # noqa: E402
from harness.host.whole_file import write_whole  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(r"^<!-- rooms: (?P<names>[\w ]+) -->\n\n*(?:\|[^\n]*\n)*\n*", re.M)
EXIT_OUT_OF_DATE, EXIT_NO_TABLE = 1, 3


def table(names: list[str], rooms: Iterable[Room]) -> list[str]:
    """The lines of a table. Raises RoomsError for a directory without rooms."""
    rows = []
    found = set()
    for room in rooms:
        top = room.name.split("/")[0]
        if top in names:
            found.add(top)
            rows.append(f"| `{room.name}/` | {room.purpose} |")
    missing = [name for name in names if name not in found]
    if missing:
        raise RoomsError(f"{TABLE} has no room in {', '.join(missing)}")
    return ["| room | what it is for |", "|---|---|", *rows]


def with_tables(text: str, rooms: dict[str, Room]) -> str:
    """The document as it should be. Raises RoomsError if it has no place for a table."""

    def replaced(match: re.Match[str]) -> str:
        names = match["names"].split()
        mark = f"<!-- rooms: {match['names']} -->\n\n"
        return mark + "\n".join(table(names, rooms.values())) + "\n\n"

    if not MARK.search(text):
        raise RoomsError("has no line <!-- rooms: NAME... -->, behind which a table could stand")
    return MARK.sub(replaced, text).rstrip("\n") + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="`make architecture` rewrites them."
    )
    parser.add_argument("--check", action="store_true", help="only compare the tables")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the tree, if not this one")
    parser.add_argument("document", type=Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    try:
        text = options.document.read_text(encoding="utf-8")
        wanted = with_tables(text, read_rooms(options.root, (*C_DIRECTORIES, SCRIPTS)))
    except (RoomsError, OSError) as error:
        print(f"room_table: {options.document}: {error}", file=sys.stderr)
        return EXIT_NO_TABLE
    if not options.check:
        write_whole(options.document, wanted)
        return 0
    missing = [line for line in wanted.splitlines() if line not in text.splitlines()]
    surplus = [line for line in text.splitlines() if line not in wanted.splitlines()]
    for line in missing:
        print(f"{options.document}: lacks {line}")
    for line in surplus:
        print(f"{options.document}: has, but {TABLE} has not: {line}")
    if wanted != text and not missing and not surplus:
        print(f"{options.document}: has the rooms in another order than {TABLE}")
    if wanted != text:
        print("room_table: `make architecture` rewrites it", file=sys.stderr)
    return EXIT_OUT_OF_DATE if wanted != text else 0


if __name__ == "__main__":
    run_script(main)
