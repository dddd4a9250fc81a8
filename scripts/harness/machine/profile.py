"""The machines that the kernel is tested on: one table, and the QEMU command line of each row."""

from __future__ import annotations

import enum
import functools
import os
from dataclasses import dataclass, replace
from pathlib import Path

from harness.image import sources as image_sources

ROOT = Path(__file__).resolve().parents[3]
SETUP = "./scripts/setup.sh installs it"

OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
QBOOT = Path("/usr/share/qemu/qboot.rom")


class EnvironmentFault(Exception):
    """Something that a boot needs is missing. One line says what, and what mends it."""


class Feature(enum.IntFlag):
    """What a test may require: the bits of `requires` in the test image's records."""

    VGA_TEXT = 1 << 0
    PAGE_1G = 1 << 1
    NO_EXECUTE = 1 << 2
    LA57 = 1 << 3
    SMEP = 1 << 4
    SMAP = 1 << 5
    ACCESSIBLE_4G = 1 << 6
    UMIP = 1 << 7
    PCID = 1 << 8
    INVPCID = 1 << 9
    FRAMEBUFFER = 1 << 10
    GLOBAL_PAGES = 1 << 11


ALL_FEATURES = Feature((1 << len(Feature)) - 1)
CPU_MAX = (
    Feature.PAGE_1G | Feature.NO_EXECUTE | Feature.SMEP | Feature.SMAP | Feature.UMIP
    | Feature.GLOBAL_PAGES
)  # fmt: skip
# What QEMU does not emulate: under KVM, the host's CPU may have it.
HOST_ONLY = Feature.PCID | Feature.INVPCID
# What /proc/cpuinfo calls those that KVM takes from the host's CPU.
HOST_FLAGS = {
    "pdpe1gb": Feature.PAGE_1G, "nx": Feature.NO_EXECUTE, "la57": Feature.LA57,
    "smep": Feature.SMEP, "smap": Feature.SMAP, "umip": Feature.UMIP,
    "pcid": Feature.PCID, "invpcid": Feature.INVPCID, "pge": Feature.GLOBAL_PAGES,
}
TCG = "tcg"
KVM = "kvm"
# Of the CPU's own description of its flaws, which some hosts do not let a guest read.
KVM_CPU = "host,-arch-capabilities"
# The model that KVM_CPU stands in for.
CPU_OF_HOST = "max"


class Firmware(enum.Enum):
    """What runs before the kernel: the first two start the ELF, the others the ISO."""

    QBOOT = "qboot"
    BUILT_IN = "the machine's own"
    CD_BIOS = "SeaBIOS and GRUB"
    CD_UEFI = "OVMF and GRUB"

    @property
    def suffix(self) -> str:
        """Of the image that it boots."""
        return ".iso" if self in (Firmware.CD_BIOS, Firmware.CD_UEFI) else ".elf"


@dataclass(frozen=True)
class Profile:
    """One machine.

    provides: as a table; `lacks` also knows what the host's CPU does not have under KVM.
    accelerator: the one this machine is about; "" for what ACCEL says, or tcg.
    vga: with QEMU's standard card. devices: more arguments of QEMU's.
    reserve: False for more memory than the host has: only what is touched is taken.
    words: for the kernel's command line. boot_limit_s: a generous time to the first test.
    """

    name: str
    sentence: str
    machine: str
    firmware: Firmware
    provides: Feature
    cpu: str = "max"
    memory: str = "64M"
    reserve: bool = True
    vga: bool = False
    devices: tuple[str, ...] = ()
    words: str = ""
    boot_limit_s: float = 20.0
    accelerator: str = ""

    @property
    def runs_on(self) -> str:
        """The accelerator that the machine is booted with."""
        return self.accelerator or os.environ.get("ACCEL", TCG)

    def lacks(self, requires: Feature) -> Feature:
        """What of `requires` this machine does not have."""
        provides = self.provides
        if self.runs_on == KVM:
            provides |= HOST_ONLY if self.cpu.startswith(CPU_OF_HOST) else Feature(0)
            provides &= host_features()
        return requires & ~provides


@functools.lru_cache(maxsize=None)
def host_features() -> Feature:
    """All but what the CPU of this host lacks."""
    features = ALL_FEATURES
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return features
    for flag, feature in HOST_FLAGS.items():
        features &= ALL_FEATURES if flag in flags else ~feature
    return features


# How the kernel reaches its page tables when not by its map of all physical memory.
ACCESS_WAYS = {
    "fixed": "The frames of tables are mapped at 10 TiB + physical address.",
    "identity": "The frames of tables are mapped at their own addresses.",
    "temporary": "Tables are reached through temporary mappings.",
    "recursive": "Tables are reached through a recursive entry of the root.",
}


def _access_profiles() -> list[Profile]:
    """Each way to reach tables, with four and with five levels."""
    four = [
        Profile(way, sentence, "pc", Firmware.QBOOT, CPU_MAX, words=f"access={way}")
        for way, sentence in ACCESS_WAYS.items()
    ]
    five = [
        replace(
            profile, name=f"{profile.name}-la57", provides=CPU_MAX | Feature.LA57,
            sentence=f"{profile.sentence[:-1]}; five levels.", words=f"{profile.words} paging=5",
        )
        for profile in four
    ]
    return four + five


# In the order in which a test looks for its machine: the fast ones first.
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "fast", "The quickest boot with every common feature; each test has its own boot here.",
            "pc", Firmware.QBOOT, CPU_MAX,
        ),
        Profile(
            "la57", "The kernel runs on five levels of page tables.",
            "pc", Firmware.QBOOT, CPU_MAX | Feature.LA57, cpu="max,la57=on", words="paging=5",
        ),
        Profile(
            "big", "RAM on both sides of 4 GiB, with the hole for devices between.",
            "pc", Firmware.QBOOT, CPU_MAX | Feature.ACCESSIBLE_4G, memory="4G",
        ),
        Profile(
            "small", "16 MiB of RAM: frames are scarce.",
            "pc", Firmware.QBOOT, CPU_MAX, memory="16M",
        ),
        Profile(
            "nofeatures", "A CPU with long mode and no more: no NX, 1 GiB or global pages, SMEP, SMAP, UMIP.",
            "pc", Firmware.QBOOT, Feature(0), cpu="qemu64,-nx,-pge",
        ),
        Profile(
            "microvm", "A machine without PCI, VGA or BIOS tables.",
            "microvm", Firmware.BUILT_IN, CPU_MAX,
        ),
        Profile(
            "pvh", "The ELF started directly on a PC with SeaBIOS and a VGA text screen.",
            "pc", Firmware.BUILT_IN, CPU_MAX | Feature.VGA_TEXT, memory="128M", vga=True,
        ),
        Profile(
            "q35", "The same on the newer chipset, whose memory map differs.",
            "q35", Firmware.BUILT_IN, CPU_MAX | Feature.VGA_TEXT, memory="128M", vga=True,
        ),
        Profile(
            "bios", "The ISO through SeaBIOS and GRUB, as an older PC boots it.",
            "pc", Firmware.CD_BIOS, CPU_MAX | Feature.VGA_TEXT, memory="128M", vga=True,
            boot_limit_s=40.0,
        ),
        Profile(
            "uefi", "The ISO through OVMF and GRUB, as a PC of today boots it: a screen of pixels.",
            "q35", Firmware.CD_UEFI, CPU_MAX | Feature.FRAMEBUFFER, memory="256M", vga=True,
            boot_limit_s=60.0,
        ),
        *_access_profiles(),
        Profile(
            "huge", "512 GiB of RAM, of which the host gives what is touched: where counts overflow.",
            "pc", Firmware.QBOOT, CPU_MAX | Feature.ACCESSIBLE_4G, memory="512G", reserve=False,
        ),
        Profile(
            "kvm", "The host's own CPU: real TLBs. Skipped where KVM cannot run the kernel.",
            "pc", Firmware.QBOOT, CPU_MAX | HOST_ONLY, accelerator=KVM,
        ),
    )
}


def qemu_binary() -> str:
    return os.environ.get("QEMU", "qemu-system-x86_64")


def build_directory() -> Path:
    """Where the images are: `build/`, or what the environment says in ASSAY_BUILD."""
    return Path(os.environ.get("ASSAY_BUILD", ROOT / "build"))


def image_path(profile: Profile, image: str) -> Path:
    """image: its name without what it ends in, such as `assay` or `assay-test`."""
    return build_directory() / (image + profile.firmware.suffix)


def find_fault(profile: Profile, image: Path) -> str | None:
    """One line about the first file that this boot needs and that is missing, or about an image that
    is not of the sources that are there; or None."""
    if not image.is_file():
        return f"{image} is missing; `make` builds it"
    fault = image_sources.find_fault(image)
    if fault:
        return fault
    needed = {Firmware.QBOOT: [(QBOOT, "qemu-system-data")],
              Firmware.CD_UEFI: [(OVMF_CODE, "ovmf"), (OVMF_VARS, "ovmf")]}
    for path, package in needed.get(profile.firmware, []):
        if not path.is_file():
            return f"the firmware {path} is missing (Debian package {package}; {SETUP})"
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
        command += ["-fw_cfg", f"name=opt/assay/cmdline,string={option_value(line)}"]
    return command + list(extra)
