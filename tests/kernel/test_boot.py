"""The normal image from the outside: how it boots, what it refuses, what it says when provoked."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from assay.machines import PROFILES
from harness.machine.profile import Profile
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_to_boot, option_value
from harness.qemu.outcome import Outcome, Stop
from harness.verdict.verdict import EXIT_BAD_REQUEST, EXIT_PANIC, EXIT_PASS

DEMONSTRATION_ENDS = "It did not crash!"
PVH_NOTE_TYPE = 18
PT_LOAD = 1


def boot_normal(profile: Profile, words: str, image: Path | None = None) -> Outcome:
    path = image or image_to_boot(profile, "assay")
    return boot(command_line(profile, path, words), profile.boot_limit_s)


def demand(outcome: Outcome, status: int, *texts: str) -> None:
    """Fails, showing the log, unless QEMU ended with `status` and each text is in the log."""
    log = "\n".join(outcome.lines)
    missing = [text for text in texts if text not in log]
    if outcome.stop is not Stop.EXITED or outcome.status != status or missing:
        end = f"{outcome.stop.value} with status {outcome.status}, expected {status}"
        command = " ".join(outcome.command)
        text = f"{end}; not in the log: {missing}\n{log}\n{outcome.stderr}\n{command}"
        pytest.fail(text, pytrace=False)


@pytest.mark.parametrize("name", ["bios", "uefi", "pvh", "q35", "microvm"])
def test_the_demonstration_runs_to_its_end(name: str) -> None:
    outcome = boot_normal(PROFILES[name], "once")
    demand(outcome, EXIT_PASS, "Memory map", DEMONSTRATION_ENDS)
    assert any(line.startswith("Assay") for line in outcome.lines), outcome.lines


def test_a_cpu_without_long_mode_is_refused_with_a_message() -> None:
    demand(boot_normal(replace(PROFILES["pvh"], cpu="qemu32"), "once"), EXIT_PANIC, "long mode")


def test_a_wrong_multiboot_magic_is_refused_with_a_message(tmp_path: Path) -> None:
    profile = PROFILES["pvh"]
    image = image_with_multiboot_entry(image_to_boot(profile, "assay"), tmp_path)
    demand(boot_normal(profile, "once", image), EXIT_PANIC, "multiboot2 magic")


def image_with_multiboot_entry(image: Path, directory: Path) -> Path:
    """A copy of an ELF whose PVH note points to the multiboot2 entry, where EAX then is wrong."""
    data = image.read_bytes()
    # Sizes of name and content, type, name; the content is the address of the entry.
    note_head = rb"\x04\0\0\0([\x04\x08])\0\0\0" + struct.pack("<I", PVH_NOTE_TYPE) + rb"Xen\0"
    note = re.search(note_head, data)
    assert note is not None, f"{image} has no PVH note"
    size = note[1][0]
    entry = physical_entry(data).to_bytes(size, "little")
    assert data[note.end() : note.end() + size] != entry, "both protocols have the same entry"
    copy = directory / "multiboot-entry.elf"
    copy.write_bytes(data[: note.end()] + entry + data[note.end() + size :])
    return copy


def physical_entry(elf: bytes) -> int:
    """The entry point of an ELF64 as a physical address, found through the segment it is in."""
    entry, headers = struct.unpack_from("<QQ", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 54)
    for index in range(count):
        header = struct.unpack_from("<IIQQQQQ", elf, headers + index * size)
        kind, _, _, virtual, physical, _, length = header
        if kind == PT_LOAD and virtual <= entry < virtual + length:
            return int(entry - virtual + physical)
    return int(entry)


def test_five_levels_on_a_cpu_without_them_goes_on_with_four() -> None:
    outcome = boot_normal(replace(PROFILES["fast"], cpu="max,la57=off"), "once paging=5")
    demand(outcome, EXIT_PASS, "LA57", "4 levels", DEMONSTRATION_ENDS)


def test_five_levels_on_a_cpu_that_has_them() -> None:
    outcome = boot_normal(replace(PROFILES["fast"], cpu="max,la57=on"), "once paging=5")
    demand(outcome, EXIT_PASS, "5 levels", DEMONSTRATION_ENDS)


def test_without_the_map_of_physical_memory_another_access_must_be_given() -> None:
    outcome = boot_normal(PROFILES["fast"], "once physical=off")
    demand(outcome, EXIT_PANIC, "physical=off: ", "access=fixed, identity, temporary or recursive")


def test_the_test_image_refuses_to_do_without_the_map_of_physical_memory() -> None:
    image = image_to_boot(PROFILES["fast"], "assay-test")
    outcome = boot_normal(PROFILES["fast"], "physical=off access=fixed", image)
    demand(outcome, EXIT_BAD_REQUEST, "physical=off: ")


def test_a_null_pointer_is_a_page_fault_with_its_address() -> None:
    outcome = boot_normal(PROFILES["fast"], "once provoke=null")
    demand(outcome, EXIT_PANIC, "EXCEPTION: PAGE FAULT")
    assert any(re.search(r"\b0x0+\b", line) for line in outcome.lines), outcome.lines


def test_a_stack_overflow_is_a_double_fault_that_names_its_cause() -> None:
    outcome = boot_normal(PROFILES["fast"], "once provoke=overflow")
    demand(outcome, EXIT_PANIC, "DOUBLE FAULT", "stack overflow")


def test_a_panic_shows_how_it_was_reached() -> None:
    outcome = boot_normal(PROFILES["fast"], "once provoke=panic")
    demand(outcome, EXIT_PANIC, "kernel_main")
    assert any(line.startswith("PANIC: ") for line in outcome.lines), outcome.lines


def boot_with_file(content: bytes, directory: Path) -> Outcome:
    """With a command line that comes from a file."""
    file = directory / "words"
    file.write_bytes(content)
    extra = ("-fw_cfg", f"name=opt/assay/cmdline,file={option_value(file)}")
    profile = PROFILES["fast"]
    command = command_line(profile, image_to_boot(profile, "assay"), extra=extra)
    return boot(command, profile.boot_limit_s)


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"once", EXIT_PASS, DEMONSTRATION_ENDS),
        (b"once\0", EXIT_PASS, DEMONSTRATION_ENDS),
        (b"once" + b" " * 1019, EXIT_PASS, DEMONSTRATION_ENDS),
        (b"once" + b" " * 1020, EXIT_PANIC, "PANIC: the command line in fw_cfg is longer than 1023 bytes"),
        (b"once" + b" " * 2044, EXIT_PANIC, "PANIC: the command line in fw_cfg is longer than 1023 bytes"),
        (b"once\0provoke=panic", EXIT_PANIC, "PANIC: the command line in fw_cfg has a NUL within"),
    ],
    ids=["as it is", "NUL at the end", "1023 bytes", "1024 bytes", "2048 bytes", "NUL within"],
)
def test_a_command_line_is_taken_as_a_whole_or_refused(
    content: bytes, status: int, text: str, tmp_path: Path
) -> None:
    demand(boot_with_file(content, tmp_path), status, text)
