"""What an image was made of, so that it is not run for another one once its sources have changed.

The Makefile links into each image the digest of each of its sources, in the section `.sources`: content
is compared, not time, which copies do not keep. A list of sources has a line for each file:

    0123...cdef kernel/boot/start.c      the SHA-256 of a source
    - kernel/normal_mode/main.c                 lies beside sources of the image, and is none of them

scripts/make/image_sources.py writes it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from harness.image.elf_file import ElfError, ElfFile
from harness.machine.project import project

SECTION = ".sources"
SOURCE_SUFFIXES = (".c", ".asm")
# Where there is none, the sources are not there: only what runs the tests was copied to this host.
MARK_OF_SOURCES = "Makefile"
UNUSED = "-"
# The linker's digest of the image, which the ISO's copy has, too.
BUILD_ID = ".build_id"
BUILD_ID_HEADER_BYTES = 16
NAMED_MAX = 3


# Each image as it was when this process looked at it first: its device, inode and time.
_first_seen: dict[Path, tuple[int, int, int]] = {}


def find_fault(image: Path) -> str | None:
    """One line if an ELF file is not of the sources that are there, or an ISO not of its ELF file.

    What is found holds for the whole run. So an image that `make` replaces meanwhile is a fault: the
    tests of the first one would be asked of the second.
    """
    return _source_fault(image) or _replacement_fault(image)


def _replacement_fault(image: Path) -> str | None:
    try:
        found = image.stat()
    except OSError as error:
        return f"{image}: {error.strerror}; `make` builds it"
    seen = (found.st_dev, found.st_ino, found.st_mtime_ns)
    if _first_seen.setdefault(image, seen) != seen:
        return f"{image} was rebuilt during this run; run it again"
    return None


def forget() -> None:
    """As if no image had been looked at."""
    _first_seen.clear()
    _elf_fault.cache_clear()
    _iso_fault.cache_clear()


def _source_fault(image: Path) -> str | None:
    if image.suffix == ".iso":
        elf = image.with_suffix(".elf")
        return (_iso_fault(image, elf) or _elf_fault(elf)) if elf.is_file() else None
    return _elf_fault(image)


@functools.lru_cache(maxsize=None)
def _elf_fault(image: Path) -> str | None:
    if not (project().root / MARK_OF_SOURCES).is_file():
        return None
    try:
        elf = ElfFile(image)
        section = elf.section(SECTION)
        lines = elf.content(section).decode("utf-8", "replace").splitlines() if section else None
    except ElfError as error:
        return f"{error}; `make` builds it"
    if lines is None:
        return f"{image} does not say what it was made of; `make` rebuilds it"
    told = _differences(dict(_parsed(line) for line in lines if line))
    if not told:
        return None
    more = f" and {len(told) - NAMED_MAX} more" if len(told) > NAMED_MAX else ""
    return f"{image} is not of these sources: {', '.join(told[:NAMED_MAX])}{more}; `make` builds it"


@functools.lru_cache(maxsize=None)
def _iso_fault(iso: Path, elf: Path) -> str | None:
    """The linker's digest of the ELF file must be in the ISO."""
    try:
        image = ElfFile(elf)
        section = image.section(BUILD_ID)
        build_id = image.content(section)[BUILD_ID_HEADER_BYTES:] if section else b""
        same = bool(build_id) and build_id in iso.read_bytes()
    except (ElfError, OSError) as error:
        return f"{error}; `make` builds it"
    return None if same else f"{iso} does not hold {elf.name} as it is; `make` builds it"


def _parsed(line: str) -> tuple[str, str]:
    digest, _, path = line.partition(" ")
    return path, digest


def _differences(recorded: dict[str, str]) -> list[str]:
    told = []
    directories = {Path(path).parent for path in recorded if path.endswith(SOURCE_SUFFIXES)}
    for path, digest in sorted(recorded.items()):
        if digest == UNUSED:
            continue
        if not (project().root / path).is_file():
            told.append(f"{path} is gone")
        elif digest_of(project().root / path) != digest:
            told.append(f"{path} has changed")
    told += [f"{path} is new" for path in sources_in(directories) if path not in recorded]
    return told


def sources_in(directories: Iterable[Path]) -> list[str]:
    """The sources that lie in these directories, from the root."""
    return sorted(
        (directory / path.name).as_posix()
        for directory in directories
        for path in (project().root / directory).glob("*")
        if path.suffix in SOURCE_SUFFIXES and not path.name.startswith(".")
    )


def digest_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
