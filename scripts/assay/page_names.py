"""What the kernel's addresses are for: from kernel/layout/layout.h, the image and its tables.

What cannot be found is left out: a picture without names is still one.
"""

from __future__ import annotations

import re
from pathlib import Path

from assay.tree import ROOT
from harness.image.symbols import symbols_of
from harness.machine.named_range import NamedRange
from harness.pages.dump import canonical, shift

LAYOUT = ROOT / "kernel" / "layout" / "layout.h"
STACKS = ROOT / "kernel" / "traps" / "stacks.h"
DEFINE = re.compile(r"^#define LAYOUT_(\w+) (?:UINT64_C\()?(0x[0-9a-f]+|\d+)", re.M)
STACK = re.compile(r"^    STACK_(\w+),", re.M)
TABLE_BYTES = 1 << 21
# Parts of the image, between the symbols image_<part>_start and image_<part>_end.
IMAGE_PARTS = ("text", "rodata", "data")


def kernel_names(elf: Path, levels: int) -> tuple[NamedRange, ...]:
    """The areas of the kernel's address space, larger ones before those inside them."""
    constants = {name: int(value, 0) for name, value in DEFINE.findall(_text(LAYOUT))}
    symbols = symbols_of(elf, types=("STT_NOTYPE",))
    found = [*_areas(constants, symbols), *_stacks(constants), *_image(symbols)]
    slot = constants.get("RECURSIVE_SLOT")
    if slot is not None:
        start = canonical(slot << shift(levels), levels)
        found.append(NamedRange(start, start + (1 << shift(levels)), "recursive slot"))
    return tuple(sorted(found, key=lambda item: (item.start, -item.end)))


def _areas(constants: dict[str, int], symbols: dict[str, int]) -> list[NamedRange]:
    """Those that are one range of addresses each."""
    boot_info_bytes = _length(symbols, "image_boot_info_start", "image_boot_info_end")
    identity_bytes = _length(constants, "IDENTITY", "IDENTITY_END")
    physical_bytes = _length(constants, "PHYSICAL_MEMORY", "PHYSICAL_MEMORY_END")
    sizes = {
        "IDENTITY": ("identity map", identity_bytes),
        "FIXED_OFFSET": ("fixed-offset window", identity_bytes),
        "PHYSICAL_MEMORY": ("physical memory", physical_bytes),
        "BOOT_INFO": ("boot info", boot_info_bytes),
        "TEMPORARY": ("temporary slots", TABLE_BYTES),
    }
    return [
        NamedRange(constants[key], constants[key] + size, name)
        for key, (name, size) in sizes.items()
        if key in constants and size > 0
    ]


def _length(places: dict[str, int], start: str, end: str) -> int:
    return places.get(end, 0) - places.get(start, 0)


def _stacks(constants: dict[str, int]) -> list[NamedRange]:
    """All of them, and each slot with its guard."""
    names = [name for name in STACK.findall(_text(STACKS)) if name != "COUNT"]
    start, slot = constants.get("STACKS"), constants.get("STACK_SLOT_BYTES")
    if start is None or slot is None or not names:
        return []
    each = [
        NamedRange(start + at * slot, start + (at + 1) * slot, _words(name) + " stack")
        for at, name in enumerate(names)
    ]
    return [NamedRange(start, start + len(names) * slot, "stacks"), *each]


def _image(symbols: dict[str, int]) -> list[NamedRange]:
    ends = [(part, symbols.get(f"image_{part}_start"), symbols.get(f"image_{part}_end"))
            for part in IMAGE_PARTS]
    parts = [
        NamedRange(start, end, f"kernel {part}")
        for part, start, end in ends
        if start is not None and end is not None and start < end
    ]
    whole = [NamedRange(parts[0].start, parts[-1].end, "kernel image")] if parts else []
    return [*whole, *parts]


def _words(name: str) -> str:
    return name.lower().replace("_", " ").replace("nmi", "NMI")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
