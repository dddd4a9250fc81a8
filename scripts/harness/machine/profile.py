"""What a machine is: board, CPU, memory, firmware, and what of it a test may require."""

from __future__ import annotations

import enum
import functools
import os
from dataclasses import dataclass
from pathlib import Path


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


def names(features: Feature) -> str:
    return ", ".join(str(feature.name) for feature in features) or "no feature"


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
