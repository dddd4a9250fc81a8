"""A module that QEMU hands over, `-initrd`: PVH has it in a list that need not be aligned to eight
bytes. Its memory is in use, and holds what the file holds."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from assay.machines import PROFILES
from harness.qemu.command_line import command_line, image_to_boot
from monitor_session import TERMINAL_ARGUMENTS, TERMINAL_SERIAL, expect_prompt, spawn

PAGE_BYTES = 4096
MODULE_BYTES = 5 * PAGE_BYTES - 200
PHYSICAL_MEMORY = 0xFFFF_8000_0000_0000
REGION = re.compile(r"^ *([0-9a-f]{12}) - ([0-9a-f]{12})  module ", re.MULTILINE)


@pytest.mark.parametrize("name", ["fast", "microvm", "pvh", "q35"])
def test_a_module_is_in_use_and_has_the_bytes_of_its_file(name: str, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(MODULE_BYTES)
    file = tmp_path / "module"
    file.write_bytes(content)
    profile = PROFILES[name]
    extra = ("-initrd", str(file), *TERMINAL_ARGUMENTS)
    image = image_to_boot(profile, "assay")
    child = spawn(command_line(profile, image, serial=TERMINAL_SERIAL, extra=extra))

    def ask(line: str) -> str:
        child.send(f"{line}\r")
        return "\n".join(expect_prompt(child)[1:])

    try:
        expect_prompt(child)
        regions = [(int(first, 16), int(last, 16)) for first, last in REGION.findall(ask("memmap"))]
        assert len(regions) == 1 and regions[0][1] + 1 - regions[0][0] == 5 * PAGE_BYTES, regions
        start = PHYSICAL_MEMORY + regions[0][0]
        for at in (0, PAGE_BYTES - 8, MODULE_BYTES - 8):
            word = int.from_bytes(content[at : at + 8], "little")
            assert f"{word:016x}" in ask(f"read 0x{start + at:x}"), at
    finally:
        child.close(force=True)
