"""The normal image from the outside: its ways of booting, what it refuses, and what it says when it is provoked."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from machines import PROFILES, EnvironmentFault, Profile, command_line, find_fault, image_path
from qemu_process import Monitor, Qemu, boot, monitor_arguments
from verdict import EXIT_PANIC, EXIT_PASS, Outcome, Stop

DEMONSTRATION_ENDS = "It did not crash!"
# "New!" as the last step of the demonstration writes it: black on white, blinking, at word 400 of the text screen.
NEW = 0xF021_F077_F065_F04E
NEW_ADDRESS = 0xB8000 + 400 * 8
PVH_NOTE_TYPE = 18


def boot_normal(profile: Profile, words: str, image: Path | None = None) -> Outcome:
    path = image or image_path(profile, "assay")
    fault = find_fault(profile, path)
    if fault:
        raise EnvironmentFault(fault)
    return boot(command_line(profile, path, words), profile.boot_limit_s)


def demand(outcome: Outcome, status: int, *texts: str) -> None:
    """Fails with the serial log unless QEMU ended with `status` and each text is in some line of the log."""
    log = "\n".join(outcome.lines)
    missing = [text for text in texts if text not in log]
    if outcome.stop is not Stop.EXITED or outcome.status != status or missing:
        pytest.fail(f"{outcome.stop.value} with status {outcome.status}, expected {status}; not in the log: {missing}\n"
                    f"{log}\n{outcome.stderr}\n{' '.join(outcome.command)}", pytrace=False)


@pytest.mark.parametrize("name", ["bios", "uefi", "pvh", "q35", "microvm"])
def test_the_demonstration_runs_to_its_end(name: str) -> None:
    outcome = boot_normal(PROFILES[name], "once")
    demand(outcome, EXIT_PASS, "Memory map", DEMONSTRATION_ENDS)
    assert any(line.startswith("Assay") for line in outcome.lines), outcome.lines


def test_new_appears_on_the_screen(tmp_path: Path) -> None:
    profile = PROFILES["bios"]
    socket = tmp_path / "monitor"
    with Qemu(command_line(profile, image_path(profile, "assay"), extra=monitor_arguments(socket))) as qemu:
        assert qemu.read_until(DEMONSTRATION_ENDS, profile.boot_limit_s), qemu.serial.decode(errors="replace")
        with Monitor(socket) as monitor:
            assert f"{NEW:#x}" in monitor.human(f"xp /1gx {NEW_ADDRESS:#x}")


def test_a_cpu_without_long_mode_is_refused_with_a_message() -> None:
    demand(boot_normal(replace(PROFILES["pvh"], cpu="qemu32"), "once"), EXIT_PANIC, "long mode")


def test_a_wrong_multiboot_magic_is_refused_with_a_message(tmp_path: Path) -> None:
    profile = PROFILES["pvh"]
    image = image_with_multiboot_entry(image_path(profile, "assay"), tmp_path)
    demand(boot_normal(profile, "once", image), EXIT_PANIC, "multiboot2 magic")


def image_with_multiboot_entry(image: Path, directory: Path) -> Path:
    """A copy of an ELF whose PVH note points to the multiboot2 entry: started so, EAX is not multiboot2's magic."""
    data = bytearray(image.read_bytes())
    note = re.search(rb"\x04\0\0\0([\x04\x08])\0\0\0" + struct.pack("<I", PVH_NOTE_TYPE) + rb"Xen\0", data)
    assert note is not None, f"{image} has no PVH note"
    entry = physical_entry(bytes(data))
    before = data[note.end() : note.end() + note[1][0]]
    data[note.end() : note.end() + note[1][0]] = entry.to_bytes(note[1][0], "little")
    assert before != data[note.end() : note.end() + note[1][0]], "both protocols have the same entry point"
    copy = directory / "multiboot-entry.elf"
    copy.write_bytes(data)
    return copy


def physical_entry(elf: bytes) -> int:
    """The ELF64 entry point as a physical address, as GRUB finds it: through the segment that holds it."""
    entry, headers = struct.unpack_from("<QQ", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 54)
    for index in range(count):
        kind, _, _, virtual, physical, _, length = struct.unpack_from("<IIQQQQQ", elf, headers + index * size)[:7]
        if kind == 1 and virtual <= entry < virtual + length:
            return int(entry - virtual + physical)
    return int(entry)


def test_five_levels_on_a_cpu_without_them_goes_on_with_four() -> None:
    demand(boot_normal(replace(PROFILES["fast"], cpu="max,la57=off"), "once paging=5"), EXIT_PASS,
           "LA57", DEMONSTRATION_ENDS)


def test_five_levels_on_a_cpu_that_has_them() -> None:
    demand(boot_normal(replace(PROFILES["fast"], cpu="max,la57=on"), "once paging=5"), EXIT_PASS,
           "5 levels", DEMONSTRATION_ENDS)


def test_a_null_pointer_is_a_page_fault_with_its_address() -> None:
    outcome = boot_normal(PROFILES["fast"], "once provoke=null")
    demand(outcome, EXIT_PANIC, "EXCEPTION: PAGE FAULT")
    assert any(re.search(r"\b0x0+\b", line) for line in outcome.lines), outcome.lines


def test_a_stack_overflow_is_a_double_fault_that_names_its_cause() -> None:
    demand(boot_normal(PROFILES["fast"], "once provoke=overflow"), EXIT_PANIC, "DOUBLE FAULT", "stack overflow")


def test_a_panic_shows_how_it_was_reached() -> None:
    outcome = boot_normal(PROFILES["fast"], "once provoke=panic")
    demand(outcome, EXIT_PANIC, "kernel_main")
    assert any(line.startswith("PANIC: ") for line in outcome.lines), outcome.lines
