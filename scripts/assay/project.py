"""Assay, as the harness is told of it."""

from __future__ import annotations

import random
from pathlib import Path

from assay.examples import EXAMPLES
from assay.machines import ACCESS_WAYS, PROFILES
from assay.tree import ROOT
from harness.machine.named_range import NamedRange
from harness.machine.profile import Firmware
from harness.machine.project import Images, Project, Prompt

NORMAL_IMAGE, TEST_IMAGE = "assay", "assay-test"
PROMPT = "assay> "
FIVE_LEVELS = "paging=5"
# What GRUB leaves between 1 and 2 MiB is not for page tables: these ways take memory there.
WINDOWS = {"fixed", "identity"}
WITH_GRUB = {Firmware.CD_BIOS, Firmware.CD_UEFI}


def names(elf: Path, levels: int) -> tuple[NamedRange, ...]:
    # Only what draws pictures needs to read the kernel's headers.
    from assay.page_names import kernel_names

    return kernel_names(elf, levels)


def draw_words(chance: random.Random, firmware: Firmware) -> list[str]:
    """How tables are reached, and how many levels there are."""
    ways = [way for way in ACCESS_WAYS if firmware not in WITH_GRUB or way not in WINDOWS]
    words = [f"access={chance.choice(ways)}"] if chance.random() < 0.4 else []
    return words + ([FIVE_LEVELS] if chance.random() < 0.4 else [])


PROJECT = Project(
    name="assay",
    title="Assay",
    root=ROOT,
    images=Images(normal=NORMAL_IMAGE, tests=TEST_IMAGE, bench="assay-bench"),
    prompt=Prompt(
        banner="Assay: ", text=PROMPT, once="once",
        limits_s={"bios": 30.0, "pvh": 30.0, "uefi": 60.0},
    ),
    machines=PROFILES,
    usual_machine="fast",
    debug_machine="pvh",
    entry="kernel_entry",
    kvm_probe="exception.*",
    five_levels=FIVE_LEVELS,
    setup="./scripts/setup.sh installs it",
    runner="./scripts/qemu_runner.py",
    gdb_commands=Path("scripts") / "assay_gdb.py",
    examples=EXAMPLES,
    names=names,
    draw_words=draw_words,
)
