#!/usr/bin/env python3
"""Takes the sources' directory out of an object that NASM has made: `assembly_directory.py OBJECT`.

For C the compiler has -fdebug-prefix-map; NASM 2.16 has no such option, and writes where the source
is into `.debug_info`. Images of the same sources would differ with the directory. It becomes ".", as
for C. Only `.debug_info` changes its length: it moves to the end of the file, and what is noted of
places in it follows.

Sources: DWARF 3, 7.5.1.1 "Compilation Unit Header"; ELF, "Section Header", "Relocation".
"""

from __future__ import annotations

import argparse
import re
import struct
import sys
from pathlib import Path

# The rooms of scripts/ are not beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.host.script import run_script  # noqa: E402
from harness.image.elf_file import HEADER, SECTION, ElfError, ElfFile  # noqa: E402
from assay.tree import ROOT  # noqa: E402

INFO, RELOCATIONS = ".debug_info", ".rela.debug_info"
UNIT_LENGTH = struct.Struct("<I")  # of what follows it
RELOCATION = struct.Struct("<2Qq")
SECTIONS_AT = 6  # in the header's fields
LENGTH_AT = 5  # in a section's fields
HERE = b"."


def without_directory(path: Path, root: Path) -> bytes | None:
    """The object's bytes without `root`; None if it is not in them. Raises ElfError."""
    elf = ElfFile(path)
    data = bytearray(path.read_bytes())
    info = elf.section(INFO)
    content = elf.content(info) if info is not None else b""
    found = re.search(rb"(?<=\0)" + re.escape(bytes(root)) + rb"(?:/[^\0]*)?(?=\0)", content)
    if found is None:
        _demand_without(elf, data, root)
        return None
    start, end = found.span()
    length = UNIT_LENGTH.unpack_from(content)[0]
    if length + UNIT_LENGTH.size != len(content):
        raise elf.fault(f"has more than one unit in {INFO}")
    shorter = UNIT_LENGTH.pack(length - (end - start) + len(HERE))
    shorter += content[UNIT_LENGTH.size : start] + HERE + content[end:]
    _move_relocations(elf, data, end, end - start - len(HERE))
    _replace_section(elf, data, shorter)
    _demand_without(elf, data, root)
    return bytes(data)


def _demand_without(elf: ElfFile, data: bytearray, root: Path) -> None:
    if bytes(root) in data:
        raise elf.fault(f"names the directory {root} elsewhere than in {INFO}")


def _move_relocations(elf: ElfFile, data: bytearray, behind: int, by: int) -> None:
    """Those of places in `.debug_info` from `behind` on move towards its start."""
    section = elf.section(RELOCATIONS)
    if section is None:
        return
    for at in range(section.offset, section.offset + section.length, RELOCATION.size):
        place, kind, addend = RELOCATION.unpack_from(data, at)
        if place >= behind:
            RELOCATION.pack_into(data, at, place - by, kind, addend)


def _replace_section(elf: ElfFile, data: bytearray, content: bytes) -> None:
    """Leaves nothing of what `.debug_info` was."""
    index = next(i for i, section in enumerate(elf.sections) if section.name == INFO)
    old = elf.sections[index]
    data[old.offset : old.offset + old.length] = bytes(old.length)
    at = HEADER.unpack_from(data)[SECTIONS_AT] + index * SECTION.size
    fields = list(SECTION.unpack_from(data, at))
    fields[LENGTH_AT - 1 : LENGTH_AT + 1] = len(data), len(content)
    SECTION.pack_into(data, at, *fields)
    data += content


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0] + ".")
    parser.add_argument("object", type=Path, metavar="OBJECT", help="is rewritten in place")
    path = parser.parse_args().object
    try:
        changed = without_directory(path, ROOT)
        if changed is not None:
            path.write_bytes(changed)
    except (ElfError, OSError) as error:
        print(f"assembly_directory: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_script(main)
