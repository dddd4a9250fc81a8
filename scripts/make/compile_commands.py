#!/usr/bin/python3
"""Writes compile_commands.json, by which editors know how each file is compiled.

usage: compile_commands.py OUT.json --group 'COMPILER FLAGS' FILE... [--group ...]...

Called by the Makefile, which alone knows the flags: `make compile_commands.json`.
Format: "JSON Compilation Database" of Clang's documentation.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# The rooms of scripts/ are not beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.host.script import run_script  # noqa: E402
from harness.host.whole_file import write_whole  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GROUP = "--group"
# They make the compiler write dependency files, also when it is only to check.
NOT_FOR_EDITORS = {"-MMD", "-MP"}


class UsageError(Exception):
    """The arguments are not as the usage says."""


def entries(arguments: Sequence[str]) -> Iterator[dict[str, object]]:
    """One for each file of each group. Raises UsageError."""
    compiler: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == GROUP:
            if not rest:
                raise UsageError(f"{GROUP} takes a compiler with its flags")
            words = shlex.split(rest.pop(0))
            compiler = [word for word in words if word not in NOT_FOR_EDITORS]
        elif not compiler:
            raise UsageError(f"{argument} belongs to no {GROUP}")
        elif not (ROOT / argument).is_file():
            raise UsageError(f"there is no file {argument}")
        else:
            yield {
                "directory": str(ROOT), "file": argument, "arguments": [*compiler, "-c", argument],
            }


def main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    try:
        if not arguments:
            raise UsageError("no file to write is named")
        found = list(entries(arguments[1:]))
        if not found:
            raise UsageError("no source files are named")
        text = json.dumps(found, indent=1) + "\n"
        out = Path(arguments[0])
        # An unchanged file stays as old as it is: editors index again when it changes.
        if not out.is_file() or out.read_text(encoding="utf-8") != text:
            write_whole(out, text)
    except (OSError, UsageError) as error:
        print(f"compile_commands.py: {error}", file=sys.stderr)
        return 1 if isinstance(error, OSError) else 2
    return 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
