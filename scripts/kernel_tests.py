"""The tests inside build/assay-test.elf: which there are, where each can run, and running them.

The image registers its tests in the section `test_cases`, an array of 64-byte little-endian
records. Reading them needs no boot.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ktap import Kind
from machines import (
    ALL_FEATURES,
    PROFILES,
    SETUP,
    EnvironmentFault,
    Feature,
    Profile,
    build_directory,
    command_line,
    image_path,
)
from qemu_process import boot
from verdict import Verdict, judge

SECTION = "test_cases"
# Pointers to suite, sentence, run, file; line; timeout_ms (0: the default); requires; two reserved.
RECORD = struct.Struct("<4Q2I3Q")
SHF_ALLOC = 2
TEST_IMAGE = "assay-test"
DEFAULT_TIMEOUT_MS = 10_000

# The machines on which the whole suite also runs in one boot.
SUITE_PROFILES = tuple(name for name in PROFILES if name != "fast")


class ImageFault(EnvironmentFault):
    """The test image breaks the format of its own records."""


@dataclass(frozen=True)
class KernelTest:
    """One registered test. `file` and `line` say where its source is."""

    name: str
    file: str
    line: int
    timeout_ms: int
    requires: Feature

    @property
    def timeout_s(self) -> float:
        return (self.timeout_ms or DEFAULT_TIMEOUT_MS) / 1000

    @property
    def profile(self) -> Profile | None:
        """The first machine that provides all that the test requires."""
        fitting = (item for item in PROFILES.values() if not item.lacks(self.requires))
        return next(fitting, None)


@functools.lru_cache(maxsize=None)
def read_tests(path: Path) -> tuple[KernelTest, ...]:
    """The tests in an image, in its order. Read once a session.

    Raises EnvironmentFault; ImageFault for records that are damaged, or tests that cannot run.
    """
    sections = _read_sections(path)
    records = next((data for name, _, data in sections if name == SECTION), b"")
    if not records or len(records) % RECORD.size:
        text = f"section {SECTION} has {len(records)} bytes, no whole number of records"
        raise ImageFault(f"{path}: {text}")
    memory = [(address, data) for _, address, data in sections]
    tests = tuple(_test(fields, memory) for fields in RECORD.iter_unpack(records))
    names = [test.name for test in tests]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ImageFault(f"two tests are called {', '.join(twice)}")
    homeless = [test.name for test in tests if test.profile is None]
    if homeless:
        raise ImageFault(f"no machine provides what {', '.join(homeless)} requires")
    return tests


def read_test_image() -> tuple[KernelTest, ...]:
    """The tests of the image in the build directory."""
    return read_tests(build_directory() / f"{TEST_IMAGE}.elf")


def read_unit_tests() -> tuple[KernelTest, ...]:
    """The tests that are built for the host, registered in the same way."""
    return read_tests(build_directory() / "host" / "unit_tests")


def matching(tests: Iterable[KernelTest], glob: str) -> tuple[KernelTest, ...]:
    """The tests whose name matches, by the kernel's rules: only `*` and `?` are special."""
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in glob)
    return tuple(test for test in tests if re.fullmatch(pattern, test.name))


def boot_tests(
    tests: Sequence[KernelTest], profile: Profile, glob: str, words: str = ""
) -> Verdict:
    """Boots the test image once for `tests`, which must be those that `glob` selects.

    words: more for the kernel's command line. *Returns:* a verdict that is green only if each test
    that the machine can run passed and each other one was reported as skipped.
    """
    image = image_path(profile, TEST_IMAGE)
    command = command_line(profile, image, f"test={glob} {words}".strip())
    longest = max((test.timeout_s for test in tests), default=0.0)
    limit_s = profile.boot_limit_s + sum(test.timeout_s for test in tests)
    outcome = boot(command, limit_s, silence_s=profile.boot_limit_s + longest)
    runs = [test.name for test in tests if not profile.lacks(test.requires)]
    skips = [test.name for test in tests if profile.lacks(test.requires)]
    verdict = judge(outcome, runs, skips)
    if not verdict.green and verdict.kind is not Kind.QEMU_MISSING:
        keep_evidence(verdict, f"{profile.name}-{glob}")
    return verdict


def keep_evidence(verdict: Verdict, label: str) -> Path:
    """Writes serial log and message to build/artifacts/<label>/ and returns that directory."""
    directory = build_directory() / "artifacts" / re.sub(r"[^A-Za-z0-9._-]", "_", label)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "serial.log").write_bytes(verdict.outcome.serial)
    (directory / "verdict.txt").write_text(verdict.message + "\n", encoding="utf-8")
    return directory


def _read_sections(path: Path) -> list[tuple[str, int, bytes]]:
    """Name, virtual address and content of each section that is loaded from the file."""
    try:
        from elftools.common.exceptions import ELFError  # type: ignore[import]
        from elftools.elf.elffile import ELFFile  # type: ignore[import]
    except ImportError:
        text = f"pyelftools is missing (Debian package python3-pyelftools; {SETUP})"
        raise EnvironmentFault(text) from None
    if not path.is_file():
        raise EnvironmentFault(f"{path} is missing; `make` builds it")
    with path.open("rb") as file:
        try:
            return [
                (section.name, section["sh_addr"], section.data())
                for section in ELFFile(file).iter_sections()
                if section["sh_type"] == "SHT_PROGBITS" and section["sh_flags"] & SHF_ALLOC
            ]
        except ELFError as error:
            raise ImageFault(f"{path} is no ELF file: {error}") from None


def _test(fields: tuple[int, ...], memory: Sequence[tuple[int, bytes]]) -> KernelTest:
    suite, sentence, run, file, line, timeout_ms, requires, _, _ = fields
    name = f"{_string(suite, memory)}.{_string(sentence, memory)}"
    if not re.fullmatch(r"[^\s.*?]+\.[^\s*?]+", name):
        raise ImageFault(f"'{name}' is no name of a test: suite.sentence without space, * or ?")
    if run == 0:
        raise ImageFault(f"{name} has no function")
    if requires & ~int(ALL_FEATURES):
        raise ImageFault(f"{name} requires {requires:#x}, bits that the runner does not know")
    return KernelTest(name, _string(file, memory), line, timeout_ms, Feature(requires))


def _string(address: int, memory: Sequence[tuple[int, bytes]]) -> str:
    """The NUL-terminated string at a virtual address of the image."""
    for start, data in memory:
        end = data.find(b"\0", address - start) if start <= address < start + len(data) else -1
        if end >= 0:
            return data[address - start : end].decode("ascii", errors="backslashreplace")
    raise ImageFault(f"a record points to {address:#x}, where the image has no string")
