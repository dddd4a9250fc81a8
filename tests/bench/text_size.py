#!/usr/bin/env python3
"""Prints how much code mm/ is, and how much the linear translate compiles to.

usage: tests/bench/text_size.py OBJECT... -- COMPILER FLAG...

From the root of the project, with the objects of mm/ and what they were compiled with.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from harness.host.script import run_script  # noqa: E402

# The translate that a caller with four levels and linear access gets.
PROBE = """
#include "mm/page_table.h"
struct translation linear_translate(const struct page_table *table, virt_addr address);
struct translation linear_translate(const struct page_table *table, virt_addr address)
{
    if (table->access.kind != ACCESS_LINEAR || table->levels != 4) {
        __builtin_unreachable();
    }
    return page_table_translate(table, address);
}
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"text_size: error: {command[0]} failed:\n{done.stderr.strip()}")
    return done.stdout


def text_bytes(objects: list[str]) -> int:
    """Code and constants, as size counts them."""
    rows = run("size", *objects).splitlines()[1:]
    return sum(int(row.split()[0]) for row in rows)


def function_bytes(compiled: Path, function: str) -> int:
    for row in run("nm", "-S", str(compiled)).splitlines():
        words = row.split()
        if len(words) == 4 and words[3] == function:
            return int(words[1], 16)
    raise SystemExit(f"text_size: error: there is no {function} in {compiled}")


def linear_translate_bytes(command: list[str]) -> int:
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "probe.c")
        compiled = source.with_suffix(".o")
        source.write_text(PROBE, encoding="utf-8")
        run(*command, "-c", str(source), "-o", str(compiled))
        return function_bytes(compiled, "linear_translate")


def main(arguments: list[str]) -> int:
    if "--" not in arguments[1:-1]:
        print(__doc__)
        return 2
    split = arguments.index("--")
    rows = (
        ("text of the linear translate", linear_translate_bytes(arguments[split + 1 :])),
        ("text of all of mm/", text_bytes(arguments[:split])),
    )
    for what, size_bytes in rows:
        print(f"{what:<42} {size_bytes:>8} bytes")
    return 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
