"""The table of glyphs that is made of a console font."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from make.font_table import EXIT_FONT, EXIT_OK, FONT, HEIGHT, UNKNOWN, assembly, main, read_font

LETTERS = [chr(code) for code in range(0x21, 0x7F)]


def psf(characters: list[str], *, height: int = HEIGHT, magic: int = 0x0436) -> bytes:
    """A font of 256 glyphs, of which each but the last belongs to a character; glyph n is all n."""
    glyphs = b"".join(bytes([number] * height) for number in range(256))
    table = b"".join(c.encode("utf-16-le") + b"\xff\xff" for c in characters)
    rest = b"\xff\xff" * (256 - len(characters))
    return struct.pack("<HBB", magic, 2, height) + glyphs + table + rest


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["font.psf", "font.psf.gz"])
def test_each_byte_gets_the_glyph_of_its_character(tmp_path: Path, name: str) -> None:
    # The font's own order is another one; a PC shows byte 0xe1 as a sharp s.
    glyphs = read_font(write(tmp_path / name, psf(["\N{LATIN SMALL LETTER SHARP S}", *LETTERS])))
    assert len(glyphs) == 256
    assert glyphs[0xE1] == bytes([0] * HEIGHT)
    assert [glyphs[ord(letter)][0] for letter in LETTERS] == list(range(1, len(LETTERS) + 1))
    assert glyphs[0] == glyphs[ord(" ")] == bytes(HEIGHT)
    assert glyphs[0x07] == glyphs[0xE0] == UNKNOWN


def test_a_sequence_of_characters_has_no_glyph(tmp_path: Path) -> None:
    glyphs = read_font(write(tmp_path / "font.psf", psf([*LETTERS, "\ufffe\u00e1\u0301"])))
    assert glyphs["\u00e1".encode("cp437")[0]] == UNKNOWN


def test_the_packaged_font_tells_all_printable_characters_apart() -> None:
    glyphs = read_font(FONT)
    assert len({glyphs[ord(letter)] for letter in [" ", *LETTERS]}) == len(LETTERS) + 1
    assert glyphs[ord("|")][8] in (0x10, 0x18, 0x08), "the leftmost pixel is in bit 7"


def test_the_source_has_a_row_of_bytes_for_each_glyph() -> None:
    rows = [line for line in assembly([bytes(range(16))] * 3).splitlines() if " db " in line]
    assert rows == ["    db " + ", ".join(f"0x{byte:02x}" for byte in range(16))] * 3


@pytest.mark.parametrize(
    "data, complaint",
    [
        (b"", "not a PSF font"),
        (psf(LETTERS, magic=0x1234), "wrong magic"),
        (psf(LETTERS, height=14), "14 pixels high"),
        (psf(LETTERS)[:2000], "not a PSF font"),
        (psf(LETTERS[:-1]), "no glyph for ~"),
        (struct.pack("<HBB", 0x0436, 0, 16) + bytes(4096), "which characters"),
    ],
)
def test_a_font_of_another_kind_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, complaint: str
) -> None:
    assert main([str(write(tmp_path / "font.psf", data))]) == EXIT_FONT
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and len(err.splitlines()) == 1


def test_a_missing_font_is_named_with_its_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere/font.psf.gz"]) == EXIT_FONT
    assert "/nowhere/font.psf.gz is missing: Debian's package fonts-spleen" in capsys.readouterr().err
    assert main([str(FONT)]) == EXIT_OK


def test_a_damaged_archive_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "font.psf.gz"
    damaged.write_bytes(gzip.compress(psf(LETTERS))[:-20])
    assert main([str(damaged)]) == EXIT_FONT
    assert "cannot be read" in capsys.readouterr().err
