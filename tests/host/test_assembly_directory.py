"""The sources' directory is taken out of an object of NASM's, and the rest of it stays right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from harness.image.elf_file import ElfError
from make.assembly_directory import without_directory

SOURCE = """\
global first
section .text
first:
    ret
section .more progbits alloc exec
second:
    ret
"""


def assembled(directory: Path, source: str) -> Path:
    (directory / "source").mkdir()
    (directory / "source" / "a.asm").write_text(source)
    subprocess.run(
        ["nasm", "-f", "elf64", "-g", "-F", "dwarf", "source/a.asm", "-o", "a.o"], cwd=directory,
        check=True,
    )
    return directory / "a.o"


def told(*command: str | Path) -> str:
    """What a program says, which finds nothing to complain of."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_directory_is_taken_out_and_lines_are_found(tmp_path: Path) -> None:
    path = assembled(tmp_path, SOURCE)
    assert bytes(tmp_path) in path.read_bytes()
    changed = without_directory(path, tmp_path)
    assert changed is not None and bytes(tmp_path) not in changed
    path.write_bytes(changed)
    assert without_directory(path, tmp_path) is None
    shown = told("readelf", "--debug-dump=info", path)
    assert re.search(r"DW_AT_comp_dir +: \.\n", shown), shown
    image = tmp_path / "a"
    told("ld", "-e", "first", "-Ttext=0x1000", "--section-start=.more=0x5000", path, "-o", image)
    assert told("addr2line", "-e", image, "0x1000", "0x5000").split() == [
        "./source/a.asm:4", "./source/a.asm:7",
    ]


def test_objects_of_two_directories_become_the_same(tmp_path: Path) -> None:
    sections = []
    for name in ("a", "a_much_longer_one"):
        (tmp_path / name).mkdir()
        path = assembled(tmp_path / name, SOURCE)
        changed = without_directory(path, tmp_path / name)
        assert changed is not None
        path.write_bytes(changed)
        sections.append(told("objdump", "-s", "-r", path).partition("\n\n")[2])
    assert sections[0] == sections[1]


def test_a_directory_that_stays_is_an_error(tmp_path: Path) -> None:
    path = assembled(tmp_path, f"db '{tmp_path}/x', 0\n")
    with pytest.raises(ElfError, match="elsewhere than in .debug_info"):
        without_directory(path, tmp_path)
