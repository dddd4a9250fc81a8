"""Boots with memory maps that no firmware of QEMU's has: more regions than there is room for, and
usable memory in single pages. A small kernel makes the map, and enters Assay with it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from assay.machines import PROFILES
from harness.image.elf_file import PT_NOTE, ElfFile
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_to_boot, option_value
from harness.qemu.outcome import Outcome
from harness.verdict.verdict import EXIT_PASS
from monitor_session import TERMINAL_ARGUMENTS, TERMINAL_SERIAL, expect_prompt, spawn

STUB = Path(__file__).with_name("crowded_memory.asm")
CAPACITY = 1024  # MEMORY_MAP_CAPACITY
# What other regions there are: the kernel, its boot info and tables, page 0, what is free.
OTHERS_MAX = 12
ENDS = "It did not crash!"
DROPPED = re.compile(
    r"memory map: (\d+) usable ranges, (\d+) KiB in all, stay unused: more than 1024 regions"
)


def stub_of(directory: Path, image: Path, regions: int, scattered: bool) -> Path:
    """The small kernel, linked for `image`."""
    elf = ElfFile(image)
    end = next(symbol.address for symbol in elf.symbols() if symbol.name == "image_load_end")
    notes = [note for part in elf.segments if part.kind == PT_NOTE for note in elf.notes(part)]
    entry = next(int.from_bytes(content, "little") for name, content in notes if name == "Xen")
    stub = directory / "stub.elf"
    defined = {"ENTRY": entry, "IMAGE_END": end, "REGIONS": regions, "SCATTERED": int(scattered)}
    defines = [f"-D{name}={value}" for name, value in defined.items()]
    compiled = directory / "stub.o"
    subprocess.run(["nasm", "-f", "elf64", *defines, STUB, "-o", compiled], check=True)
    link = ["ld", "-nostdlib", "-z", "noexecstack", "-Ttext-segment=0x1000000", "-e", "start"]
    subprocess.run([*link, compiled, "-o", stub], check=True)
    return stub


def command_of(
    directory: Path, regions: int, words: str, *, scattered: bool = False, serial: str = "stdio"
) -> list[str]:
    """The QEMU command that boots with such a map."""
    profile = PROFILES["fast"]
    image = image_to_boot(profile, "assay")
    stub = stub_of(directory, image, regions, scattered)
    extra = ("-device", f"loader,file={option_value(image)}", *TERMINAL_ARGUMENTS)
    return command_line(profile, stub, words, serial=serial, extra=extra)


def boot_crowded(directory: Path, regions: int) -> Outcome:
    return boot(command_of(directory, regions, "once"), PROFILES["fast"].boot_limit_s)


@pytest.mark.parametrize("regions", [312, CAPACITY - OTHERS_MAX])
def test_as_many_regions_as_there_is_room_for_are_all_kept(regions: int, tmp_path: Path) -> None:
    outcome = boot_crowded(tmp_path, regions)
    text = "\n".join(outcome.lines)
    assert outcome.status == EXIT_PASS and ENDS in text, text
    assert not DROPPED.search(text), text


@pytest.mark.parametrize("regions", [CAPACITY, CAPACITY + 1, 2 * CAPACITY, 4 * CAPACITY])
def test_usable_memory_that_has_no_room_in_the_map_is_told(regions: int, tmp_path: Path) -> None:
    outcome = boot_crowded(tmp_path, regions)
    text = "\n".join(outcome.lines)
    assert outcome.status == EXIT_PASS and ENDS in text, text
    dropped = DROPPED.search(text)
    assert dropped, text
    count, kib = int(dropped[1]), int(dropped[2])
    # Without a usable region between them two reserved ones are one.
    assert (regions - CAPACITY) // 2 < count < regions // 2
    assert kib == 4 * count


def test_the_prompt_does_without_a_general_allocator_that_has_no_room(tmp_path: Path) -> None:
    child = spawn(command_of(tmp_path, 600, "", scattered=True, serial=TERMINAL_SERIAL))

    def ask(line: str) -> str:
        child.send(f"{line}\r")
        return "\n".join(expect_prompt(child)[1:])

    try:
        assert "no piece of usable memory is large enough" in "\n".join(expect_prompt(child))
        assert ask("frames").startswith("With memory in small pieces frames come one by one")
        assert "no free block of that size is left" in ask("alloc 2M")
        assert ask("alloc").startswith("frame 0x2")
        assert "no block of 1 MiB is free for the tests" in ask("test map_to.*")
        assert "-> " in ask("map 0x7000000000 new") + ask("translate 0x7000000000")
    finally:
        child.close(force=True)
