"""ELF files that are damaged in each way that chance finds: one line each, and no other end."""

from __future__ import annotations

import os
import random
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.page_names import kernel_names
from assay.tree import ROOT
from harness.debugger.guest_core import CoreError, GuestCore
from harness.host.fault import EnvironmentFault
from harness.image.elf_file import HEADER, SECTION, SHF_ALLOC, SHT_PROGBITS, ElfError, ElfFile
from harness.image.symbols import symbols_of
from harness.image.test_records import read_tests
from made_elf import write_elf
from seed import again, random_of
from test_guest_core import note, state, write_core

DAMAGES = 400
SECONDS_EACH = 2.0
# Values at which counts, offsets and addresses go wrong.
ODD = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)
ADDRESS = 0xFFFF_FFFF_8010_0000


def small_image(path: Path) -> Path:
    """One test, with all that a record points to."""
    texts = b"suite\0sentence\0file.c\0slow\0" b"1 == 2\0"
    places = [ADDRESS + at for at in (0, 6, 15, 22, 27)]
    record = struct.pack("<4Q2I3Q", places[0], places[1], 1, places[2], 12, 500, 0, *places[3:])
    symbol = struct.pack("<IBBH2Q", 1, 2, 0, 1, ADDRESS, 8)
    return write_elf(path, [
        (b".rodata", SHT_PROGBITS, SHF_ALLOC, ADDRESS, texts),
        (b"test_cases", SHT_PROGBITS, SHF_ALLOC, ADDRESS + 0x1000, record),
        (b".symtab", 2, 0, 0, symbol),
    ])


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes, or a word at a likely place, changed, or cut off."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        size = chance.choice((1, 2, 4, 8))
        at = chance.randrange(max(len(data) - size, 1))
        if chance.random() < 0.5:
            at = chance.choice((0x20, 0x28, 0x36, 0x38, 0x3A, 0x3C, 0x3E, at & ~7))
        value = chance.choice((*ODD, chance.getrandbits(64), len(data))) & ((1 << 8 * size) - 1)
        data[at : at + size] = value.to_bytes(size, "little")
    if chance.random() < 0.1:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


def read_everything(path: Path) -> None:
    """Each reader of ELF files. Their own exceptions are what a user sees as one line."""
    read_tests.cache_clear()
    for reader, fault in ((read_tests, EnvironmentFault), (GuestCore, CoreError)):
        try:
            reader(path)  # type: ignore[operator]
        except fault as error:
            assert "\n" not in str(error), error
    symbols_of(path)
    kernel_names(path, 4)


def test_an_undamaged_image_has_its_test_and_its_symbol(tmp_path: Path) -> None:
    path = small_image(tmp_path / "image.elf")
    read_tests.cache_clear()
    (found,) = read_tests(path)
    assert (found.name, found.tags, found.expect_failure) == ("suite.sentence", ("slow",), "1 == 2")


@pytest.mark.random
@pytest.mark.parametrize("kind", ["image", "core"])
def test_damage_anywhere_is_told_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file.elf"
    if kind == "image":
        content = small_image(path).read_bytes()
    else:
        content = write_core(path, note(b"CORE\0", b"x" * 16) + note(b"QEMU\0", state())).read_bytes()
    for number in range(DAMAGES):
        chance = random_of(f"{kind} {number}")
        path.write_bytes(damaged(content, chance))
        started = time.process_time()
        try:
            read_everything(path)
        except Exception as error:
            raise AssertionError(f"{kind} {number}: {error!r}; again: {again()}") from error
        assert time.process_time() - started < SECONDS_EACH, f"{kind} {number}; again: {again()}"


def test_each_header_field_with_each_odd_value_is_told_in_one_line(tmp_path: Path) -> None:
    path = small_image(tmp_path / "file.elf")
    content = path.read_bytes()
    sections_at = HEADER.unpack_from(content)[6]
    for at in (*range(16, HEADER.size, 2), *range(sections_at, len(content), 4)):
        for value in ODD:
            data = bytearray(content)
            data[at : at + 8] = value.to_bytes(8, "little")
            path.write_bytes(data[: len(content)])
            read_everything(path)


def test_a_section_of_terabytes_is_not_read(tmp_path: Path) -> None:
    """The file is as long as it says, and has a hole where the section is."""
    path = small_image(tmp_path / "file.elf")
    content = bytearray(path.read_bytes())
    sections_at = HEADER.unpack_from(content)[6]
    struct.pack_into("<Q", content, sections_at + 1 * SECTION.size + 32, 1 << 41)
    path.write_bytes(content)
    try:
        os.truncate(path, 1 << 42)
    except OSError:
        pytest.skip("the file system has no files of this length")
    elf = ElfFile(path)
    with pytest.raises(ElfError, match="has a section of"):
        elf.content(elf.sections[1])
    with pytest.raises(EnvironmentFault, match="has more than"):
        read_tests(path)


@pytest.mark.parametrize("command", [["list"], ["test"], ["debug", "a.b"]])
def test_the_runner_tells_of_a_damaged_image_in_one_line(
    tmp_path: Path, command: list[str]
) -> None:
    content = bytearray(small_image(tmp_path / "assay-test.elf").read_bytes())
    content[0x28:0x30] = b"\xff" * 8
    (tmp_path / "assay-test.elf").write_bytes(content)
    runner = ROOT / "scripts" / "qemu_runner.py"
    result = subprocess.run(
        [sys.executable, str(runner), *command], capture_output=True, text=True, check=False,
        env={**os.environ, "ASSAY_BUILD": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31)),
    )
    assert result.returncode == 3, result.stderr
    (line,) = result.stderr.splitlines()
    assert "ends before byte" in line
