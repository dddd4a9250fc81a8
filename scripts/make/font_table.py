#!/usr/bin/python3
"""Turns a console font (PSF, 8 x 16) into the NASM source of the table of kernel/screen/font.h.

Exit codes: 0 written to standard output; 2 wrong use; 3 the font is missing or of another kind.
"""

from __future__ import annotations

import argparse
import gzip
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

# The rooms of scripts/ are not beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.host.script import run_script  # noqa: E402

EXIT_OK = 0
EXIT_FONT = 3

FONT = Path("/usr/share/consolefonts/spleen-8x16.psfu.gz")
PACKAGE = "fonts-spleen"
WIDTH = 8
HEIGHT = 16
CHARACTER_COUNT = 256
# What the bytes of a text mean: the characters of a PC's text screen.
ENCODING = "cp437"
# A box, for bytes that no character of the font is for.
UNKNOWN = bytes([0, 0, 0, 0x7E, *[0x42] * 8, 0x7E, 0, 0, 0])

# PSF version 1: magic, mode, bytes of a glyph; the glyphs; then for each glyph the UTF-16 units
# of its characters. A sequence of several characters begins with SEQUENCE.
HEADER = struct.Struct("<HBB")
MAGIC = 0x0436
MODE_512_GLYPHS = 1
MODE_HAS_TABLE = 2
SEQUENCE = 0xFFFE
LAST = 0xFFFF


class FontFault(Exception):
    """The file cannot be used. One line says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "font", nargs="?", type=Path, default=FONT, metavar="FONT.psf.gz",
        help=f"if not {FONT} of Debian's package {PACKAGE}",
    )
    path: Path = parser.parse_args(arguments).font
    try:
        glyphs = read_font(path)
    except FontFault as fault:
        print(f"font_table: {fault}", file=sys.stderr)
        return EXIT_FONT
    sys.stdout.write(assembly(glyphs))
    return EXIT_OK


def read_font(path: Path) -> list[bytes]:
    """The glyph of each byte of a text: HEIGHT bytes, a row each, the leftmost pixel in bit 7."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise FontFault(
            f"{path} is missing: Debian's package {PACKAGE} has it; "
            "./scripts/setup.sh installs all"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise FontFault(f"{path} cannot be read: {error}") from None
    try:
        by_character = glyphs_by_character(data)
    except (struct.error, ValueError) as error:
        raise FontFault(f"{path} is not a PSF font of 8 x 16: {error}") from None
    missing = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in by_character]
    if missing:
        raise FontFault(f"{path} has no glyph for {' '.join(missing)}")
    return [glyph_of(code, by_character) for code in range(CHARACTER_COUNT)]


def glyph_of(code: int, by_character: dict[str, bytes]) -> bytes:
    """Control characters, which Python decodes as such, have no glyph."""
    character = bytes([code]).decode(ENCODING)
    if character in " \N{NO-BREAK SPACE}\0":
        return bytes(HEIGHT)
    return by_character.get(character, UNKNOWN) if character.isprintable() else UNKNOWN


def glyphs_by_character(data: bytes) -> dict[str, bytes]:
    magic, mode, height = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("wrong magic number")
    if height != HEIGHT:
        raise ValueError(f"its glyphs are {height} pixels high")
    if not mode & MODE_HAS_TABLE:
        raise ValueError("it does not say which characters its glyphs are for")
    count = 512 if mode & MODE_512_GLYPHS else 256
    at = HEADER.size + count * HEIGHT
    units = iter(struct.unpack_from(f"<{(len(data) - at) // 2}H", data, at))
    by_character: dict[str, bytes] = {}
    for index in range(count):
        start = HEADER.size + index * HEIGHT
        single = True
        for unit in iter(lambda: next(units, LAST), LAST):
            single = single and unit != SEQUENCE
            if single:
                by_character.setdefault(chr(unit), data[start : start + HEIGHT])
    return by_character


def assembly(glyphs: Sequence[bytes]) -> str:
    rows = [f"    db {', '.join(f'0x{byte:02x}' for byte in glyph)}" for glyph in glyphs]
    return "\n".join([
        "section .rodata progbits alloc noexec nowrite align=16",
        "global font_glyphs",
        "font_glyphs:",
        *rows,
        "section .note.GNU-stack noalloc noexec nowrite progbits",
        "",
    ])


if __name__ == "__main__":
    run_script(main)
