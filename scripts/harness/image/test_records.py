"""The tests that an image registers: an array of 64-byte little-endian records in its section
`test_cases`, after struct test_case of testing/test.h. Reading them needs no boot.
"""

from __future__ import annotations

import functools
import re
import struct
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness.host.fault import EnvironmentFault
from harness.image.elf_file import SHF_ALLOC, SHT_PROGBITS, ElfError, ElfFile
from harness.machine.profile import ALL_FEATURES, Feature, Profile
from harness.machine.project import project

SECTION = "test_cases"
# Pointers to suite, sentence, run, file; line; timeout_ms (0: the default); requires; pointers to
# tags and to the check that is known to fail (0: none).
RECORD = struct.Struct("<4Q2I3Q")
DEFAULT_TIMEOUT_MS = 10_000
# The limits in testing/test.h.
MAX_TIMEOUT_MS = 3_600_000
MAX_NAME_BYTES = 127
MAX_TAG_BYTES = 31
# Of any text that a record points to, of all records, and of all that the image has in memory.
MAX_TEXT_BYTES = 4096
MAX_RECORDS_BYTES = 1 << 20
MAX_LOADED_BYTES = 1 << 28
TAG = re.compile(r"[A-Za-z0-9_.-]+")
NAME_PART = re.compile(r"[A-Za-z0-9_]+")


class ImageFault(EnvironmentFault):
    """The image breaks the format of its own records."""


@dataclass(frozen=True)
class KernelTest:
    """One registered test.

    file, line: where its source is. tags: words to select by. expect_failure: the check that is known
    to fail, which the kernel then reports as success; "" for all others.
    """

    name: str
    file: str
    line: int
    timeout_ms: int
    requires: Feature
    tags: tuple[str, ...] = ()
    expect_failure: str = ""

    @property
    def function(self) -> str:
        """The name of its function in the image."""
        return self.name.replace(".", "_")

    @property
    def timeout_s(self) -> float:
        return (self.timeout_ms or DEFAULT_TIMEOUT_MS) / 1000

    @property
    def profile(self) -> Profile | None:
        """The first machine whose row of the table provides all that the test requires."""
        fitting = (item for item in project().machines.values() if not self.requires & ~item.provides)
        return next(fitting, None)

    @property
    def home(self) -> Profile:
        """The machine for its own boot; read_tests has made sure that there is one."""
        profile = self.profile
        assert profile is not None, self.name
        return profile


@functools.lru_cache(maxsize=None)
def read_tests(path: Path) -> tuple[KernelTest, ...]:
    """The tests in an image, in its order. Read once a session.

    Raises EnvironmentFault; ImageFault for records that are damaged, or tests that cannot run.
    """
    if not path.exists():
        raise EnvironmentFault(f"{path} is missing; `make` builds it")
    try:
        elf = ElfFile(path)
        section = elf.section(SECTION)
        if section is not None and section.length > MAX_RECORDS_BYTES:
            raise ImageFault(f"{path}: section {SECTION} has {section.length} bytes")
        records = b"" if section is None else elf.content(section)
        memory = _Memory(elf)
    except ElfError as error:
        raise ImageFault(str(error)) from None
    if not records or len(records) % RECORD.size:
        text = f"section {SECTION} has {len(records)} bytes, no whole number of records"
        raise ImageFault(f"{path}: {text}")
    tests = tuple(_test(fields, memory) for fields in RECORD.iter_unpack(records))
    twice = sorted(name for name, count in Counter(test.name for test in tests).items() if count > 1)
    if twice:
        raise ImageFault(f"two tests are called {', '.join(twice[:10])}")
    homeless = [test.name for test in tests if test.profile is None]
    if homeless:
        raise ImageFault(f"no machine provides what {', '.join(homeless[:10])} requires")
    return tests


class _Memory:
    """What the image has in memory from the start, by virtual address."""

    def __init__(self, elf: ElfFile) -> None:
        loaded = [
            section for section in elf.sections
            if section.kind == SHT_PROGBITS and section.flags & SHF_ALLOC and section.length
        ]
        if sum(section.length for section in loaded) > MAX_LOADED_BYTES:
            raise ImageFault(f"{elf.path} has more than {MAX_LOADED_BYTES} bytes in its sections")
        loaded.sort(key=lambda section: section.address)
        self._starts = [section.address for section in loaded]
        self._contents = [elf.content(section) for section in loaded]

    def text(self, address: int) -> str:
        """The NUL-terminated string at an address."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            at = address - self._starts[index]
            end = self._contents[index].find(b"\0", at, at + MAX_TEXT_BYTES)
            if end >= 0:
                return self._contents[index][at:end].decode("ascii", errors="backslashreplace")
        raise ImageFault(f"a record points to {address:#x}, where the image has no string")


def _test(fields: tuple[int, ...], memory: _Memory) -> KernelTest:
    suite, sentence, run, file, line, timeout_ms, requires, tags, failure = fields
    name = f"{memory.text(suite)}.{memory.text(sentence)}"
    _check_name(name)
    if run == 0:
        raise ImageFault(f"{name} has no function")
    if timeout_ms > MAX_TIMEOUT_MS:
        raise ImageFault(f"{name} may take {timeout_ms} ms, and no test more than {MAX_TIMEOUT_MS}")
    if requires & ~int(ALL_FEATURES):
        raise ImageFault(f"{name} requires {requires:#x}, bits that the runner does not know")
    words = memory.text(tags) if tags else ""
    _check_tags(name, words)
    expected = memory.text(failure) if failure else ""
    if failure and not expected.strip():
        raise ImageFault(f"{name} is expected to fail, and does not say by which check")
    return KernelTest(
        name, memory.text(file), line, timeout_ms, Feature(requires), tuple(words.split()), expected
    )


def _check_name(name: str) -> None:
    suite, _, sentence = name.partition(".")
    if not NAME_PART.fullmatch(suite) or not NAME_PART.fullmatch(sentence):
        text = f"{name[:MAX_NAME_BYTES]!r} is no name of a test"
        raise ImageFault(f"{text}: suite.sentence, of ASCII letters, digits and _")
    if len(name) > MAX_NAME_BYTES:
        raise ImageFault(f"the name {name} has {len(name)} characters, more than {MAX_NAME_BYTES}")


def _check_tags(name: str, words: str) -> None:
    """Tags are parted by single blanks, as the kernel reads them."""
    for tag in words.split(" ") if words else ():
        if not TAG.fullmatch(tag):
            raise ImageFault(f"{name} has the tag {tag!r}: tags are of ASCII letters, digits, _, . and -, with one blank between")
        if len(tag) > MAX_TAG_BYTES:
            text = f"the tag {tag} of {name} has {len(tag)} characters"
            raise ImageFault(f"{text}, more than {MAX_TAG_BYTES}")
