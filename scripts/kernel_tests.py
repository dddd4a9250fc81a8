"""The tests inside build/assay-test.elf: which there are, where each can run, and running them.

The image registers its tests in the section `test_cases`, an array of 64-byte little-endian
records. Reading them needs no boot.
"""

from __future__ import annotations

import functools
import os
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import artifacts
from artifacts import Boot
from ktap import HEADER, Kind
from machines import (
    ALL_FEATURES,
    PROFILES,
    ROOT,
    SETUP,
    EnvironmentFault,
    Feature,
    Profile,
    build_directory,
    command_line,
    find_fault,
    image_path,
)
from qemu_process import boot
from source_lines import with_source
from verdict import EXIT_QEMU_REFUSES, Verdict, judge

SECTION = "test_cases"
# Pointers to suite, sentence, run, file; line; timeout_ms (0: the default); requires; pointers to
# tags and to the reason why failure is expected (0: none).
RECORD = struct.Struct("<4Q2I3Q")
SHF_ALLOC = 2
TEST_IMAGE = "assay-test"
DEFAULT_TIMEOUT_MS = 10_000
# The kernel watches the time itself and can say where it hangs: the runner lets it do so.
TIMEOUT_SLACK_S = 2.0
KVM_DEVICE = Path("/dev/kvm")
# Instructions that a KVM without the CPU's help (inside another machine) does not know.
KVM_PROBE = "exception.*"
KVM_PROBE_S = 10.0

# The machines on which the whole suite also runs in one boot.
SUITE_PROFILES = tuple(name for name in PROFILES if name != "fast")


class ImageFault(EnvironmentFault):
    """The test image breaks the format of its own records."""


@dataclass(frozen=True)
class KernelTest:
    """One registered test.

    file, line: where its source is. tags: words to select by. expect_failure: why it is known to
    fail, which the kernel then reports as success; "" for all others.
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
        fitting = (item for item in PROFILES.values() if not self.requires & ~item.provides)
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


def read_test_image(image: str = TEST_IMAGE) -> tuple[KernelTest, ...]:
    """The tests of an image in the build directory."""
    return read_tests(build_directory() / f"{image}.elf")


def read_unit_tests() -> tuple[KernelTest, ...]:
    """The tests that are built for the host, registered in the same way."""
    return read_tests(build_directory() / "host" / "unit_tests")


def matching(tests: Iterable[KernelTest], glob: str) -> tuple[KernelTest, ...]:
    """The tests whose name matches, by the kernel's rules: only `*` and `?` are special."""
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in glob)
    return tuple(test for test in tests if re.fullmatch(pattern, test.name))


def name_at(tests: Iterable[KernelTest], text: str) -> str:
    """The name of the test that stands at FILE:LINE, the last to begin there or above; any other
    text as it is."""
    place = re.fullmatch(r"(.+):(\d+)", text)
    if place is None:
        return text
    file, line = Path(place[1]), int(place[2])
    file = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    above = [test for test in tests if Path(test.file) == file and test.line <= line]
    return max(above, key=lambda test: test.line).name if above else text


def boot_tests(
    tests: Sequence[KernelTest],
    profile: Profile,
    glob: str,
    words: str = "",
    *,
    image: str = TEST_IMAGE,
    evidence: bool = True,
) -> Verdict:
    """Boots a test image once for `tests`, which must be those that `glob` selects.

    words: more for the kernel's command line. evidence: keep artefacts of a failure, for which the
    machine is booted a second time. *Returns:* a verdict that is green only if each test that the
    machine can run passed and each other one was reported as skipped.
    """
    all_words = f"test={glob} {words}".strip()
    command = command_line(profile, image_path(profile, image), all_words)
    longest = max((test.timeout_s for test in tests), default=0.0)
    outcome = boot(
        command,
        limit_s=sum(test.timeout_s for test in tests) + 2 * TIMEOUT_SLACK_S,
        silence_s=longest + TIMEOUT_SLACK_S,
        start=HEADER.encode(),
        start_s=profile.boot_limit_s,
    )
    runs = [test.name for test in tests if not profile.lacks(test.requires)]
    skips = [test.name for test in tests if profile.lacks(test.requires)]
    # What a test finds to be missing must be there at least on the machine that is its home.
    may_skip = [
        test.name for test in tests if not test.requires and test.profile is not profile
    ]
    verdict = judge(outcome, runs, skips, may_skip)
    if verdict.green or verdict.kind is Kind.QEMU_MISSING:
        return verdict
    elf = image_path(profile, image).with_suffix(".elf")
    verdict = replace(verdict, places=with_source(outcome.lines, elf))
    if not evidence:
        return verdict
    again = [glob, "--profile", profile.name]
    again += ["--append", words] if words else []
    again += ["--image", image] if image != TEST_IMAGE else []
    label = f"{profile.name}-{glob}"
    return artifacts.keep(verdict, Boot(profile, image, all_words, label, tuple(again)))


@functools.lru_cache(maxsize=None)
def find_kvm_fault() -> str | None:
    """One line on why KVM cannot run the tests on this host, or None. Boots once to find out."""
    if not KVM_DEVICE.exists():
        return f"there is no {KVM_DEVICE} on this host"
    if not os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        return f"{KVM_DEVICE} may not be opened by this user (group kvm?)"
    profile = replace(PROFILES["kvm"], boot_limit_s=KVM_PROBE_S)
    fault = find_fault(profile, image_path(profile, TEST_IMAGE))
    if fault:
        raise EnvironmentFault(fault)
    command = command_line(profile, image_path(profile, TEST_IMAGE), f"test={KVM_PROBE}")
    outcome = boot(command, KVM_PROBE_S)
    if outcome.status is None or outcome.status == EXIT_QEMU_REFUSES or outcome.status < 0:
        said = outcome.stderr.strip().splitlines()
        end = outcome.stop.value if outcome.status is None else f"QEMU ended with {outcome.status}"
        return f"KVM does not run the kernel here: {said[0] if said else end}"
    return None


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
    suite, sentence, run, file, line, timeout_ms, requires, tags, failure = fields
    name = f"{_string(suite, memory)}.{_string(sentence, memory)}"
    if not re.fullmatch(r"[^\s.*?]+\.[^\s*?]+", name):
        raise ImageFault(f"'{name}' is no name of a test: suite.sentence without space, * or ?")
    if run == 0:
        raise ImageFault(f"{name} has no function")
    if requires & ~int(ALL_FEATURES):
        raise ImageFault(f"{name} requires {requires:#x}, bits that the runner does not know")
    return KernelTest(
        name,
        _string(file, memory),
        line,
        timeout_ms,
        Feature(requires),
        tuple(_string(tags, memory).split()) if tags else (),
        _string(failure, memory) if failure else "",
    )


def _string(address: int, memory: Sequence[tuple[int, bytes]]) -> str:
    """The NUL-terminated string at a virtual address of the image."""
    for start, data in memory:
        end = data.find(b"\0", address - start) if start <= address < start + len(data) else -1
        if end >= 0:
            return data[address - start : end].decode("ascii", errors="backslashreplace")
    raise ImageFault(f"a record points to {address:#x}, where the image has no string")
