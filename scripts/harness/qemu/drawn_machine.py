"""Machines drawn at random: CPU model, features taken away, memory, board, firmware, devices.

A number draws a machine, always the same one from the same QEMU. It is called `matrix-NUMBER`, a
name that the runner's --profile takes as any other.
"""

from __future__ import annotations

import functools
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import replace

from harness.host.fault import EnvironmentFault
from harness.machine.profile import TCG, Feature, Firmware, Profile
from harness.machine.project import project
from harness.qemu.command_line import image_path
from harness.qemu.offers import Offers, offers, provided

NAME = re.compile(r"matrix-([0-9]+)")
SEED_END = 1 << 64

# A CPU model is one with long mode. Every such CPU has the others, too, and compilers know.
# Source: x86-64 psABI, 3.1.1 "Processor Architecture".
NEVER_TAKEN_AWAY = {"lm", "cmov", "sse", "sse2"}
# Without these firmware on a CD does not get as far as the kernel.
NEEDED_BY_FIRMWARE = {"apic", "cx8", "tsc", "fpu", "fxsr", "mmx", "msr", "mtrr", "pae", "pat"}
# What kernels look at is taken away more often than the other flags.
KERNEL_FLAGS = (
    "apic", "fxsr", "la57", "mtrr", "nx", "pat", "pdpe1gb", "pge", "pks", "pku", "rdtscp", "smap",
    "smep", "syscall", "tsc", "umip",
)
CPUS_OF_32_BITS = {
    "486", "athlon", "coreduo", "kvm32", "n270", "pentium", "pentium2", "pentium3", "qemu32",
}
OTHER_MODELS = {"base", "host", "max"}
# 36 bits has a CPU that does not tell; 52 are the most there can be. OVMF, before it starts any
# kernel, wants devices at 32 GiB, and maps all that 46 bits and more reach for minutes.
PHYSICAL_BITS = (32, 36, 39, 43, 46, 48, 52)
PHYSICAL_BITS_OF_UEFI = (36, 39)
SMALL_MIB = (8, 9, 10, 12, 16, 17, 24, 32, 48, 64, 100, 127, 128, 255, 256, 511, 1024)
LARGE_GIB = (2, 4, 5, 6, 8, 9, 16, 33)
LEAST_MIB = {Firmware.CD_BIOS: 64, Firmware.CD_UEFI: 192}
# More than this is not taken from the host before it is touched.
RESERVED_MIB = 1024
# The first versions of the PC boards that start an ELF by PVH, and on which the model `max` tells the
# kernel all it has.
FIRST_WITH_PVH = (4, 0)
FIRST_WITH_MAX = (2, 9)
PC_VERSION = re.compile(r"pc-(?:i440fx|q35)-(\d+)\.(\d+)")
OPTIONS = {
    "pc": ("i8042=off", "vmport=off", "smm=off", "hpet=off", "acpi=off", "smbus=off",
           "max-ram-below-4g=1G"),
    "microvm": ("pic=off", "pit=off", "rtc=on", "pcie=on", "acpi=off", "ioapic2=on"),
    "isapc": (),
}
CARDS = ("VGA", "cirrus-vga", "qxl-vga", "virtio-vga", "vmware-svga", "ati-vga")
# qboot, before it starts any kernel, hangs at a qxl-vga.
CARDS_OF_QBOOT = tuple(card for card in CARDS if card != "qxl-vga")
CARDS_OF_UEFI = ("VGA", "qxl-vga", "virtio-vga", "bochs-display", "ramfb")
CARDS_OF_ISA = ("isa-vga", "isa-cirrus-vga")
PCI_DEVICES = (
    "e1000", "i6300esb", "intel-hda", "pci-testdev", "piix3-usb-uhci", "qemu-xhci",
    "virtio-balloon-pci", "virtio-rng-pci", "virtio-serial-pci",
)
BOOT_LIMIT_S = {Firmware.CD_BIOS: 60.0, Firmware.CD_UEFI: 90.0}


def is_machine(name: str) -> bool:
    """Whether `machine_named` knows it."""
    drawn = NAME.fullmatch(name)
    return name in project().machines or (drawn is not None and int(drawn[1]) < SEED_END)


def machine_named(name: str) -> Profile:
    """One of the table, or a drawn one. Raises EnvironmentFault without the QEMU to draw from."""
    listed = project().machines.get(name)
    return listed or drawn_machine(int(name.rpartition("-")[2]))


@functools.lru_cache(maxsize=None)
def drawn_machine(seed: int) -> Profile:
    """The machine that `seed` (0 to 2^64 - 1) draws. Raises EnvironmentFault without QEMU."""
    profile = draw(seed, offers())
    try:
        has = provided(profile, image_path(profile, project().images.normal))
    except EnvironmentFault as fault:
        raise EnvironmentFault(f"{profile.name}: {fault}") from None
    return replace(profile, provides=profile.provides | has)


def draw(seed: int, has: Offers) -> Profile:
    """As `drawn_machine`, but `provides` has no more than the screen."""
    chance = random.Random(seed)
    board, firmware = _board(chance, has)
    is_pc = board.startswith(("pc", "q35"))
    cpu, physical_bits = _cpu(chance, has, board, firmware)
    memory_mib = _memory(chance, firmware, board, physical_bits)
    card, screen = _card(chance, board, firmware)
    devices = [card] if card else []
    devices += _some(chance, PCI_DEVICES, 0.1) if is_pc else []
    kind = "pc" if is_pc else board
    options = _some(chance, OPTIONS[kind], 0.15)
    words = project().draw_words(chance, firmware)
    arguments = [part for device in devices for part in ("-device", device)]
    if board != "isapc" and chance.random() < 0.2:
        arguments += ["-smp", str(chance.choice((2, 3, 8)))]
    described = [board, *options, cpu, f"{memory_mib} MiB", firmware.value, *devices, *words]
    return Profile(
        name=f"matrix-{seed}",
        sentence=f"{', '.join(described)}.",
        machine=",".join((board, *options)),
        firmware=firmware,
        provides=screen,
        cpu=cpu,
        memory=f"{memory_mib}M",
        reserve=memory_mib <= RESERVED_MIB,
        devices=tuple(arguments),
        words=" ".join(words),
        boot_limit_s=BOOT_LIMIT_S.get(firmware, 20.0),
        accelerator=TCG,
    )


def _some(chance: random.Random, items: Sequence[str], probability: float) -> list[str]:
    """Each of the items with this probability."""
    return [item for item in items if chance.random() < probability]


def _board(chance: random.Random, has: Offers) -> tuple[str, Firmware]:
    """A board, and a firmware that it starts the kernel with."""
    newest = [name for name in ("pc", "q35", "microvm", "isapc") if name in has.boards]
    versions = [name for name in has.boards if PC_VERSION.fullmatch(name)]
    board = chance.choice(newest if chance.random() < 0.7 else versions or newest)
    if board == "microvm":
        return board, Firmware.BUILT_IN
    if _version(board) < FIRST_WITH_PVH:
        return board, Firmware.CD_BIOS
    choices = [Firmware.BUILT_IN, Firmware.BUILT_IN, Firmware.CD_BIOS]
    choices += [Firmware.QBOOT] * 2 if board in ("pc", "q35") else []
    choices += [Firmware.CD_UEFI] if board == "q35" else []
    return board, chance.choice(choices)


def _version(board: str) -> tuple[int, int]:
    """Of a PC board that has one in its name; all others are the newest."""
    version = PC_VERSION.fullmatch(board)
    return (int(version[1]), int(version[2])) if version else (sys.maxsize, 0)


def _cpu(
    chance: random.Random, has: Offers, board: str, firmware: Firmware
) -> tuple[str, int]:
    """An argument of `-cpu`, and the bits of a physical address; 0: as many as QEMU gives."""
    others = CPUS_OF_32_BITS | OTHER_MODELS
    models = [name for name in has.cpu_models if name.partition("-v")[0] not in others]
    has_max = _version(board) >= FIRST_WITH_MAX
    model = "max" if has_max and chance.random() < 0.4 else chance.choice(models)
    kept = NEVER_TAKEN_AWAY
    if firmware in BOOT_LIMIT_S:
        kept = kept | NEEDED_BY_FIRMWARE
    flags = _some(chance, KERNEL_FLAGS, 0.1)
    flags += chance.sample(has.cpu_flags, chance.choice((0, 0, 1, 2)))
    parts = [f"-{flag}" for flag in dict.fromkeys(flags) if flag not in kept]
    bits = PHYSICAL_BITS_OF_UEFI if firmware is Firmware.CD_UEFI else PHYSICAL_BITS
    physical_bits = chance.choice(bits) if chance.random() < 0.4 else 0
    parts += [f"phys-bits={physical_bits}"] if physical_bits else []
    return ",".join((model, *parts)), physical_bits


def _memory(chance: random.Random, firmware: Firmware, board: str, physical_bits: int) -> int:
    """In MiB. Memory above 4 GiB takes a board that has a place for it, and a CPU that reaches it."""
    sizes = [size for size in SMALL_MIB if size >= LEAST_MIB.get(firmware, 0)]
    reach = 1 << ((physical_bits or 40) - 20)
    sizes += [gib << 10 for gib in LARGE_GIB if gib << 11 < reach and board != "isapc"]
    return chance.choice(sizes)


def _card(chance: random.Random, board: str, firmware: Firmware) -> tuple[str, Feature]:
    """A screen, or none, and what a test may require of it: a BIOS makes a text screen of a VGA
    card, UEFI one of pixels, and qboot none at all."""
    cards = CARDS_OF_UEFI if firmware is Firmware.CD_UEFI else CARDS
    cards = CARDS_OF_QBOOT if firmware is Firmware.QBOOT else cards
    cards = CARDS_OF_ISA if board == "isapc" else cards
    if board == "microvm" or chance.random() < 0.3:
        return "", Feature(0)
    screen = Feature.FRAMEBUFFER if firmware is Firmware.CD_UEFI else Feature.VGA_TEXT
    return chance.choice(cards), screen if firmware is not Firmware.QBOOT else Feature(0)
