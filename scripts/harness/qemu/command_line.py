"""The QEMU command that boots an image on a machine, and what it needs to be there."""

from __future__ import annotations

import os
from pathlib import Path

from harness.host.fault import EnvironmentFault
from harness.image.sources import find_fault as source_fault
from harness.machine.profile import CPU_OF_HOST, KVM, KVM_CPU, Firmware, Profile
from harness.machine.project import project

OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
QBOOT = Path("/usr/share/qemu/qboot.rom")


def qemu_binary() -> str:
    return os.environ.get("QEMU", "qemu-system-x86_64")


def image_path(profile: Profile, image: str) -> Path:
    """image: its name without what it ends in, such as `kernel` of kernel.elf."""
    return project().build_directory / (image + profile.firmware.suffix)


def find_fault(profile: Profile, image: Path) -> str | None:
    """One line about the first file that this boot needs and that is missing, or about an image that
    is not of the sources that are there; or None."""
    if not image.is_file():
        return f"{image} is missing; `make` builds it"
    fault = source_fault(image)
    if fault:
        return fault
    needed = {Firmware.QBOOT: [(QBOOT, "qemu-system-data")],
              Firmware.CD_UEFI: [(OVMF_CODE, "ovmf"), (OVMF_VARS, "ovmf")]}
    for path, package in needed.get(profile.firmware, []):
        if not path.is_file():
            return f"the firmware {path} is missing (Debian package {package}; {project().setup})"
    return None


def image_to_boot(profile: Profile, image: str) -> Path:
    """The path of an image that is there and of these sources. Raises EnvironmentFault."""
    path = image_path(profile, image)
    fault = find_fault(profile, path)
    if fault:
        raise EnvironmentFault(fault)
    return path


def option_value(value: str | Path) -> str:
    """As one value of QEMU's comma-separated options, where a comma is written twice."""
    return str(value).replace(",", ",,")


def command_line(
    profile: Profile,
    image: Path,
    words: str = "",
    *,
    serial: str = "stdio",
    display: tuple[str, ...] = ("-display", "none"),
    debug_exit: bool = True,
    extra: tuple[str, ...] = (),
) -> list[str]:
    """The whole QEMU command that boots `image` on `profile`.

    words: for the kernel's command line. serial: a QEMU character device. debug_exit: without it
    the kernel stops where it would have ended QEMU. extra: more arguments, for instance a monitor.
    """
    machine = profile.machine if profile.reserve else f"{profile.machine},memory-backend=ram"
    cpu = profile.cpu.replace(CPU_OF_HOST, KVM_CPU) if profile.runs_on == KVM else profile.cpu
    command = [qemu_binary(), "-M", machine, "-accel", profile.runs_on]
    command += ["-cpu", cpu, "-m", profile.memory]
    if not profile.reserve:
        backend = f"memory-backend-ram,id=ram,size={profile.memory},reserve=off"
        command += ["-object", backend]
    command += ["-nodefaults", "-no-user-config", "-no-reboot", *display]
    command += ["-vga", "std"] if profile.vga else []
    command += profile.devices
    command += ["-serial", serial]
    command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"] if debug_exit else []
    if profile.firmware is Firmware.QBOOT:
        command += ["-bios", QBOOT.name]
    if profile.firmware is Firmware.CD_UEFI:
        # OVMF writes its variables: snapshot=on keeps them in a temporary file of QEMU's own.
        command += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={option_value(OVMF_CODE)}"]
        command += ["-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={option_value(OVMF_VARS)}"]
    command += ["-cdrom" if image.suffix == ".iso" else "-kernel", str(image)]
    line = " ".join(part for part in (profile.words, words) if part)
    if line:
        command += ["-fw_cfg", f"name=opt/{project().name}/cmdline,string={option_value(line)}"]
    return command + list(extra)
