"""Reads the text on a picture of the framebuffer console by the glyphs of its font."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image  # type: ignore[import]

from make.font_table import ENCODING, FONT, HEIGHT, WIDTH, read_font

BLACK_AT_MOST = 64
# The cursor covers the last rows of pixels of the cell where the next character will be.
CURSOR_HEIGHT = 2
CURSOR = bytes([0xFF] * CURSOR_HEIGHT)
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class ScreenText:
    """columns: how many cells a row has. rows: their text, without blanks at the end."""

    columns: int
    rows: list[str]


def read_screen(picture: Path) -> ScreenText:
    """What is no glyph is UNREADABLE; what has no glyph of its own is one of those that share it."""
    with Image.open(picture) as image:
        pixels = image.convert("L").point(lambda value: 255 * (value > BLACK_AT_MOST)).convert("1")
    columns, rows = pixels.width // WIDTH, pixels.height // HEIGHT
    characters = {glyph: bytes([code]).decode(ENCODING)
                  for code, glyph in reversed(list(enumerate(read_font(FONT)))) if code >= ord(" ")}

    def character(column: int, row: int) -> str:
        left, top = column * WIDTH, row * HEIGHT
        cell = pixels.crop((left, top, left + WIDTH, top + HEIGHT)).tobytes()
        if cell not in characters and cell.endswith(CURSOR):
            cell = cell[:-CURSOR_HEIGHT] + bytes(CURSOR_HEIGHT)
        return characters.get(cell, UNREADABLE)

    lines = ["".join(character(column, row) for column in range(columns)) for row in range(rows)]
    return ScreenText(columns, [line.rstrip() for line in lines])


def wrapped(lines: list[str], columns: int) -> list[str]:
    """The rows that a screen of so many columns needs for the lines."""
    starts = [(line, range(0, max(len(line), 1), columns)) for line in lines]
    return [line[at : at + columns].rstrip() for line, places in starts for at in places]
