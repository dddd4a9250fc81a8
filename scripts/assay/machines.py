"""The machines that the kernel is tested on: one table."""

from __future__ import annotations

from dataclasses import replace

from harness.machine.profile import CPU_MAX, HOST_ONLY, KVM, Feature, Firmware, Profile

# How the kernel reaches its page tables when not by its map of all RAM.
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

# The machines on which the whole suite also runs in one boot.
SUITE_PROFILES = tuple(name for name in PROFILES if name != "fast")
