"""What the kernel's addresses are for: from kernel/layout/layout.h, the image and its tables.

What another image, or a host without the sources, cannot have is left out: a picture without names
is still one. What should be there and is not is an error, which names it.
"""

from __future__ import annotations

import re
from pathlib import Path

from assay.tree import ROOT
from harness.image.symbols import symbols_of
from harness.machine.named_range import NamedRange
from harness.pages.dump import canonical, shift
from harness.pages.snapshot import DumpError

MARK_OF_SOURCES = "Makefile"
LAYOUT = "kernel/layout/layout.h"
STACKS = "kernel/traps/stacks.h"
DEFINE = re.compile(r"^#define LAYOUT_(\w+) (?:UINT64_C\()?(0x[0-9a-f]+|\d+)", re.M)
STACK = re.compile(r"^    STACK_(\w+),", re.M)
TABLE_BYTES = 1 << 21
PAGE_BYTES = 1 << 12
# Parts of the image, between the symbols image_<part>_start and image_<part>_end.
IMAGE_PARTS = ("text", "rodata", "data")


def kernel_names(elf: Path, levels: int) -> tuple[NamedRange, ...]:
    """The areas of the kernel's address space, larger ones before those inside them.
    Raises DumpError, if the sources are here and do not say what they should."""
    symbols = _Named("the image", symbols_of(elf, types=("STT_NOTYPE",)))
    image = _image(symbols)
    found = [*image, *(_layout(symbols, bool(image), levels) if _has_sources() else ())]
    return tuple(sorted(found, key=lambda item: (item.start, -item.end)))


class _Named(dict[str, int]):
    """Numbers by name. A name that is missing is an error, which says where it was looked for."""

    def __init__(self, place: str, numbers: dict[str, int]) -> None:
        super().__init__(numbers)
        self._place = place

    def __missing__(self, name: str) -> int:
        raise DumpError(f"{self._place} has no {name}, by which page_names.py names an area")


def _has_sources() -> bool:
    """Tests may run on a host to which only the images were sent."""
    return (ROOT / MARK_OF_SOURCES).exists()


def _layout(symbols: dict[str, int], has_image: bool, levels: int) -> list[NamedRange]:
    """What layout.h says, with one size from the image, if that is there."""
    defined = {f"LAYOUT_{name}": int(value, 0) for name, value in DEFINE.findall(_text(LAYOUT))}
    constants = _Named(LAYOUT, defined)
    start = canonical(constants["LAYOUT_RECURSIVE_SLOT"] << shift(levels), levels)
    return [
        *_areas(constants),
        *_stacks(constants),
        *(_boot_info(constants, symbols) if has_image else ()),
        NamedRange(start, start + (1 << shift(levels)), "recursive slot"),
    ]


def _areas(constants: dict[str, int]) -> list[NamedRange]:
    """Those that are one range of addresses each."""
    identity_bytes = constants["LAYOUT_IDENTITY_END"] - constants["LAYOUT_IDENTITY"]
    physical_bytes = constants["LAYOUT_PHYSICAL_MEMORY_END"] - constants["LAYOUT_PHYSICAL_MEMORY"]
    framebuffer_bytes = constants["LAYOUT_VGA_TEXT"] - constants["LAYOUT_FRAMEBUFFER"]
    sizes = {
        "LAYOUT_IDENTITY": ("identity map", identity_bytes),
        "LAYOUT_FIXED_OFFSET": ("fixed-offset window", identity_bytes),
        "LAYOUT_PHYSICAL_MEMORY": ("physical memory", physical_bytes),
        "LAYOUT_DESCRIPTORS": ("GDT, TSS and IDT", PAGE_BYTES),
        "LAYOUT_TEMPORARY": ("temporary slots", TABLE_BYTES),
        "LAYOUT_FRAMEBUFFER": ("framebuffer", framebuffer_bytes),
        "LAYOUT_VGA_TEXT": ("VGA text screen", PAGE_BYTES),
        "LAYOUT_LOCAL_APIC": ("local APIC", PAGE_BYTES),
    }
    return [
        NamedRange(constants[key], constants[key] + size, name)
        for key, (name, size) in sizes.items()
    ]


def _boot_info(constants: dict[str, int], symbols: dict[str, int]) -> list[NamedRange]:
    size = symbols["image_boot_info_end"] - symbols["image_boot_info_start"]
    start = constants["LAYOUT_BOOT_INFO"]
    return [NamedRange(start, start + size, "boot info")]


def _stacks(constants: dict[str, int]) -> list[NamedRange]:
    """All of them, and each slot with its guard."""
    names = [name for name in STACK.findall(_text(STACKS)) if name != "COUNT"]
    if not names:
        raise DumpError(f"{STACKS} has no STACK_..., by which page_names.py names the stacks")
    start, slot = constants["LAYOUT_STACKS"], constants["LAYOUT_STACK_SLOT_BYTES"]
    each = [
        NamedRange(start + at * slot, start + (at + 1) * slot, _words(name) + " stack")
        for at, name in enumerate(names)
    ]
    return [NamedRange(start, start + len(names) * slot, "stacks"), *each]


def _image(symbols: dict[str, int]) -> list[NamedRange]:
    """The parts of the kernel's image; none of what is not the kernel's."""
    if not any(name.startswith("image_") for name in symbols):
        return []
    parts = [
        NamedRange(symbols[f"image_{part}_start"], symbols[f"image_{part}_end"], f"kernel {part}")
        for part in IMAGE_PARTS
    ]
    return [NamedRange(parts[0].start, parts[-1].end, "kernel image"), *parts]


def _words(name: str) -> str:
    return name.lower().replace("_", " ").replace("nmi", "NMI")


def _text(path: str) -> str:
    """Of a source, by its path from the root."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except OSError as error:
        raise DumpError(f"{path}, by which page_names.py names areas: {error.strerror}") from None
