"""Names and addresses in an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.image.elf_file import ElfError, ElfFile


def symbols_of(elf: Path, types: Iterable[str] = ("STT_FUNC", "STT_OBJECT")) -> dict[str, int]:
    """Names and addresses, by address. Of two with one name the lower."""
    return {name: address for address, name in reversed(sorted_symbols(elf, types))}


def addresses_of(elf: Path, function: str) -> list[int]:
    """Where it is: of a static function there may be several copies."""
    return [address for address, name in sorted_symbols(elf, ("STT_FUNC",)) if name == function]


def sorted_symbols(elf: Path, types: Iterable[str]) -> list[tuple[int, str]]:
    """Addresses and names, sorted; none of what is no ELF file."""
    wanted = frozenset(types)
    try:
        symbols = ElfFile(elf).symbols()
        return sorted((symbol.address, symbol.name) for symbol in symbols if symbol.kind in wanted)
    except ElfError:
        return []
