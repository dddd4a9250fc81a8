"""What QEMU shows on the screen of a PC: the text memory, and the picture that is drawn of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image  # type: ignore[import]

from assay.machines import PROFILES
from harness.qemu.command_line import command_line, image_to_boot
from monitor_session import PROMPT
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu

TEXT_MEMORY = 0xB8000
COLUMNS, ROWS = 80, 25
SCREEN_LIMIT_S = 10.0
# A text cell on a VGA: 8 columns and one of space, 16 lines.
CELL_WIDTH, CELL_HEIGHT = 9, 16
# Two thirds of full brightness in the 6 bits of a VGA's palette, as QEMU makes 8 of them.
BLACK, WHITE, LIGHT_GREY = (0, 0, 0), (255, 255, 255), (168, 168, 168)
# The attribute byte: the upper digit is the background, the lower the letter.
BLACK_ON_WHITE, LIGHT_GREY_ON_BLACK = 0xF0, 0x07

Pixel = tuple[int, int, int]


@dataclass(frozen=True)
class Cell:
    character: str
    attribute: int


@dataclass(frozen=True)
class Screen:
    """cells: row by row, as in text memory. picture: what QEMU draws."""

    cells: tuple[Cell, ...]
    picture: Image.Image

    def find(self, text: str, attribute: int) -> Iterator[int]:
        """The places where all of the text stands in a row, with this attribute."""
        wanted = [Cell(character, attribute) for character in text]
        for place in range(len(self.cells) - len(text) + 1):
            if list(self.cells[place : place + len(text)]) == wanted:
                yield place

    def pixels(self, place: int) -> list[Pixel]:
        """Those of a cell, line by line."""
        left = place % COLUMNS * CELL_WIDTH
        top = place // COLUMNS * CELL_HEIGHT
        box = (left, top, left + CELL_WIDTH, top + CELL_HEIGHT)
        return list(self.picture.crop(box).getdata())


def text_memory(monitor: Monitor) -> tuple[Cell, ...]:
    memory = monitor.human(f"xp /{COLUMNS * ROWS}hx {TEXT_MEMORY:#x}")
    words = re.findall(r"\b0x([0-9a-f]{4})\b", re.sub(r"^\w+:", "", memory, flags=re.MULTILINE))
    cells = tuple(Cell(chr(int(word, 16) & 0xFF), int(word, 16) >> 8) for word in words)
    assert len(cells) == COLUMNS * ROWS, memory
    return cells


def last_row(cells: tuple[Cell, ...]) -> str:
    return "".join(cell.character for cell in cells[-COLUMNS:])


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Screen:
    """The screen when the demonstration is over, booted as an older PC."""
    directory = tmp_path_factory.mktemp("screen")
    socket, png = directory / "monitor", directory / "screen.png"
    profile = PROFILES["bios"]
    image = image_to_boot(profile, "assay")
    with Qemu(command_line(profile, image, extra=monitor_arguments(socket))) as qemu:
        assert qemu.read_until(PROMPT, profile.boot_limit_s), qemu.progress()
        with Monitor(socket) as monitor:
            cells = text_memory(monitor)
            # The serial port has it first; once the screen has it too, nothing more comes.
            deadline = time.monotonic() + SCREEN_LIMIT_S
            while not last_row(cells).startswith(PROMPT.rstrip()):
                assert time.monotonic() < deadline, last_row(cells)
                cells = text_memory(monitor)
            monitor.execute("screendump", filename=str(png), format="png")
    return Screen(cells, Image.open(png).convert("RGB"))


def test_new_is_in_text_memory_once_black_on_white_at_the_start_of_a_row(screen: Screen) -> None:
    places = list(screen.find("New!", BLACK_ON_WHITE))
    assert len(places) == 1
    assert places[0] % COLUMNS == 0


def test_new_can_be_read_off_the_picture_black_on_white(screen: Screen) -> None:
    """Each letter has the shape that it has elsewhere on the screen, in other colours."""
    assert screen.picture.size == (COLUMNS * CELL_WIDTH, ROWS * CELL_HEIGHT)
    (place,) = screen.find("New!", BLACK_ON_WHITE)
    shapes: set[tuple[bool, ...]] = set()
    for offset, letter in enumerate("New!"):
        other = next(screen.find(letter, LIGHT_GREY_ON_BLACK))
        new, usual = screen.pixels(place + offset), screen.pixels(other)
        assert set(new) == {BLACK, WHITE}, letter
        assert set(usual) == {BLACK, LIGHT_GREY}, letter
        shape = tuple(pixel == BLACK for pixel in new)
        assert shape == tuple(pixel == LIGHT_GREY for pixel in usual), letter
        shapes.add(shape)
    assert len(shapes) == len("New!")


def test_only_the_four_cells_of_new_are_white(screen: Screen) -> None:
    (place,) = screen.find("New!", BLACK_ON_WHITE)
    white = [cell for cell in range(COLUMNS * ROWS) if WHITE in screen.pixels(cell)]
    assert white == [place, place + 1, place + 2, place + 3]
