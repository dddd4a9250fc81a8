"""The normal image on machines with little memory: it runs, or says what is missing and fails."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from assay.machines import PROFILES
from harness.image.elf_file import ElfFile
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.outcome import Outcome
from harness.verdict.verdict import EXIT_PANIC, EXIT_PASS

KIB = 1024
RUNS_FROM_MIB = 4  # docs/faq.md says so
RUNS_FROM_MIB_BY_GRUB = 6
NO_MEMORY = re.compile(r"PANIC: Assay needs memory up to (\d+) KiB: at (\d+) KiB there is none")
OVERLAP = re.compile(r"PANIC: Assay needs all memory from 0x200000 to 0x\w+; .* at 0x\w+: reserved")
STARTED_DIRECTLY = ["fast", "pvh", "q35", "microvm"]


def boot_with(name: str, memory_kib: int) -> Outcome:
    profile = replace(PROFILES[name], memory=f"{memory_kib}K")
    command = command_line(profile, image_to_boot(profile, "assay"), "once")
    return boot(command, profile.boot_limit_s)


def image_end_kib() -> int:
    """Where the image ends in physical memory, rounded up to KiB."""
    symbols = ElfFile(image_to_boot(PROFILES["fast"], "assay")).symbols()
    end = next(symbol.address for symbol in symbols if symbol.name == "image_load_end")
    return -(-end // KIB)


def said(outcome: Outcome) -> str:
    return "\n".join(outcome.lines)


@pytest.mark.parametrize("name", STARTED_DIRECTLY)
def test_memory_that_ends_inside_the_image_is_told(name: str) -> None:
    end_kib = image_end_kib()
    for memory_kib in (1100, 2048, 3072, (end_kib - 1) // 8 * 8):
        outcome = boot_with(name, memory_kib)
        found = NO_MEMORY.search(said(outcome))
        assert found and outcome.status == EXIT_PANIC, f"{memory_kib} KiB: {said(outcome)}"
        # The first page of the image that is not there.
        first_missing_kib = max(2048, memory_kib // 4 * 4)
        assert (int(found[1]), int(found[2])) == (end_kib, first_missing_kib), found[0]


@pytest.mark.parametrize("name", STARTED_DIRECTLY)
def test_the_smallest_memory_that_is_promised_is_enough(name: str) -> None:
    for mib in (RUNS_FROM_MIB, RUNS_FROM_MIB + 1, RUNS_FROM_MIB + 2, 2 * RUNS_FROM_MIB):
        outcome = boot_with(name, mib * KIB)
        assert outcome.status == EXIT_PASS, f"{mib} MiB: {said(outcome)}"


def test_the_smallest_memory_that_is_promised_is_enough_for_grub() -> None:
    outcome = boot_with("bios", RUNS_FROM_MIB_BY_GRUB * KIB)
    assert outcome.status == EXIT_PASS, said(outcome)


def test_firmware_tables_in_the_place_of_the_image_are_told() -> None:
    """SeaBIOS keeps its tables at the end of memory, which is the end of the image here."""
    outcome = boot_with("pvh", image_end_kib())
    assert outcome.status == EXIT_PANIC and OVERLAP.search(said(outcome)), said(outcome)
