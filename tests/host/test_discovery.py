"""Finding the tests in an image, and a machine and a command line for each."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from assay.machines import PROFILES
from harness.host.fault import EnvironmentFault
from harness.image.elf_file import SHF_ALLOC, SHT_PROGBITS
from harness.image.test_records import ImageFault, KernelTest, read_tests
from harness.machine import profile as machines
from harness.machine.profile import ALL_FEATURES, Feature, Firmware, Profile
from harness.qemu.command_line import command_line, find_fault
from harness.suite.kernel_tests import matching
from made_elf import write_elf

ADDRESS = 0xFFFF_FFFF_8010_0000
TEXTS = {
    "SUITE": b"map_to", "REFUSES": b"refuses", "MAPS": b"maps",
    "FILE": b"tests/kernel/map_to_test.c", "TAGS": b"slow huge", "REASON": b"1 == 2",
    "LONG": b"m" * 121, "LONGEST": b"m" * 120, "FOREIGN": b"m\xc3\xa4ps", "STAR": b"maps*",
    "LONG_TAG": b"slow " + b"t" * 32, "LONGEST_TAG": b"t" * 31, "FOREIGN_TAG": b"gro\xc3\x9f",
    "WIDE_TAGS": b"slow  huge", "TAB_TAG": b"slow\thuge", "LINE_TAG": b"slow\nhuge", "EMPTY": b"", "BLANK": b" ",
}
STRINGS = b"".join(text + b"\0" for text in TEXTS.values())
AT = {
    name: ADDRESS + sum(len(text) + 1 for text in list(TEXTS.values())[:index])
    for index, name in enumerate(TEXTS)
}
SUITE, REFUSES, MAPS, FILE = AT["SUITE"], AT["REFUSES"], AT["MAPS"], AT["FILE"]
TAGS, REASON = AT["TAGS"], AT["REASON"]


def make_test(name: str = "a.b", requires: Feature = Feature(0)) -> KernelTest:
    return KernelTest(name, "a_test.c", 1, 0, requires)


def test_kvm_takes_what_the_hosts_cpu_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "host_features", lambda: ALL_FEATURES & ~Feature.LA57)
    assert not PROFILES["la57"].lacks(Feature.LA57)
    assert PROFILES["kvm"].lacks(Feature.LA57 | Feature.SMEP) == Feature.LA57
    monkeypatch.setenv("ACCEL", "kvm")
    assert PROFILES["la57"].lacks(Feature.LA57) == Feature.LA57
    command = command_line(PROFILES["la57"], Path("x.elf"))
    assert command[command.index("-accel") + 1] == "kvm"
    assert command[command.index("-cpu") + 1] == "host,-arch-capabilities,la57=on"


def test_kvm_has_what_is_not_emulated_only_with_the_hosts_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machines, "host_features", lambda: ALL_FEATURES)
    assert PROFILES["fast"].lacks(Feature.PCID) == Feature.PCID
    monkeypatch.setenv("ACCEL", "kvm")
    assert not PROFILES["fast"].lacks(Feature.PCID | Feature.INVPCID)
    assert PROFILES["nofeatures"].lacks(Feature.PCID) == Feature.PCID
    monkeypatch.setattr(machines, "host_features", lambda: ALL_FEATURES & ~Feature.PCID)
    assert PROFILES["fast"].lacks(Feature.PCID) == Feature.PCID
    assert make_test(requires=Feature.LA57).profile is PROFILES["la57"]


def test_more_memory_than_the_host_has_is_not_reserved() -> None:
    command = command_line(PROFILES["huge"], Path("x.elf"))
    assert command[command.index("-M") + 1] == "pc,memory-backend=ram"
    assert "memory-backend-ram,id=ram,size=512G,reserve=off" in command
    assert command[command.index("-m") + 1] == "512G"


def test_commas_in_the_kernels_command_line_are_doubled() -> None:
    command = command_line(PROFILES["la57"], Path("x.elf"), "test=a,b")
    argument = command[command.index("-fw_cfg") + 1]
    assert argument == "name=opt/assay/cmdline,string=paging=5 test=a,,b"


def test_an_empty_command_line_is_left_out() -> None:
    assert "-fw_cfg" not in command_line(PROFILES["fast"], Path("x.elf"))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_each_machine_is_described_and_boots_its_image(profile: Profile) -> None:
    assert profile.sentence.endswith(".")
    image = Path("x" + profile.firmware.suffix)
    disc = profile.firmware in (Firmware.CD_BIOS, Firmware.CD_UEFI)
    command = command_line(profile, image)
    assert command[command.index(str(image)) - 1] == ("-cdrom" if disc else "-kernel")
    assert profile.vga or not profile.provides & (Feature.VGA_TEXT | Feature.FRAMEBUFFER)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    image = tmp_path / "none.elf"
    assert find_fault(PROFILES["fast"], image) == f"{image} is missing; `make` builds it"


@pytest.mark.parametrize(
    "requires, name",
    [
        (Feature(0), "fast"),
        (Feature.PAGE_1G | Feature.SMAP, "fast"),
        (Feature.LA57, "la57"),
        (Feature.ACCESSIBLE_4G, "big"),
        (Feature.VGA_TEXT, "pvh"),
        (Feature.PCID, "kvm"),
        (Feature.FRAMEBUFFER, "uefi"),
    ],
)
def test_a_test_runs_on_the_first_machine_that_provides_all(requires: Feature, name: str) -> None:
    profile = make_test(requires=requires).profile
    assert profile is not None and profile.name == name


def test_each_feature_has_a_machine_with_it_and_one_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machines, "host_features", lambda: ALL_FEATURES)
    for feature in Feature:
        lacking = {bool(profile.lacks(feature)) for profile in PROFILES.values()}
        assert lacking == {False, True}, feature


@pytest.mark.parametrize(
    "glob, names",
    [
        ("*", ["map_to.maps", "map.maps", "a.[b]"]),
        ("map?*", ["map_to.maps", "map.maps"]),
        ("map.*", ["map.maps"]),
        ("a.[b]", ["a.[b]"]),
        ("a.b", []),
        ("map", []),
    ],
)
def test_a_glob_knows_only_the_star_and_the_question_mark(glob: str, names: list[str]) -> None:
    tests = [make_test("map_to.maps"), make_test("map.maps"), make_test("a.[b]")]
    assert [test.name for test in matching(tests, glob)] == names


def record(
    suite: int = SUITE,
    sentence: int = MAPS,
    run: int = 1,
    requires: int = 0,
    tags: int = 0,
    expect_failure: int = 0,
    timeout_ms: int = 500,
) -> bytes:
    numbers = (12, timeout_ms, requires, tags, expect_failure)
    return struct.pack("<4Q2I3Q", suite, sentence, run, FILE, *numbers)


def image_of(directory: Path, records: bytes, section: bytes = b"test_cases") -> Path:
    """A minimal ELF file with a section of strings at ADDRESS and one of records."""
    return write_elf(directory / "image.elf", [
        (b".rodata", SHT_PROGBITS, SHF_ALLOC, ADDRESS, STRINGS),
        (section, SHT_PROGBITS, SHF_ALLOC, ADDRESS + 0x1000, records),
    ])


def test_records_are_read_from_the_image(tmp_path: Path) -> None:
    source = "tests/kernel/map_to_test.c"
    both = Feature.PAGE_1G | Feature.SMAP
    path = image_of(tmp_path, record(sentence=REFUSES, requires=int(both)) + record())
    assert read_tests(path) == (
        KernelTest("map_to.refuses", source, 12, 500, both),
        KernelTest("map_to.maps", source, 12, 500, Feature(0)),
    )


def test_tags_and_expected_failures_are_read(tmp_path: Path) -> None:
    (test,) = read_tests(image_of(tmp_path, record(tags=TAGS, expect_failure=REASON)))
    assert (test.tags, test.expect_failure) == (("slow", "huge"), "1 == 2")


def test_names_tags_and_limits_may_be_as_long_as_the_kernel_takes_them(tmp_path: Path) -> None:
    longest = record(sentence=AT["LONGEST"], tags=AT["LONGEST_TAG"], timeout_ms=3_600_000)
    (test,) = read_tests(image_of(tmp_path, longest))
    assert (len(test.name), len(test.tags[0]), test.timeout_s) == (127, 31, 3600.0)


DAMAGED = {
    "empty": (b"", "no whole number"),
    "cut": (record()[:-1], "no whole number"),
    "one name twice": (record() + record(), "two tests are called map_to.maps"),
    "a pointer before all strings": (record(suite=ADDRESS - 1), "no string"),
    "a pointer behind all strings": (record(sentence=ADDRESS + len(STRINGS)), "no string"),
    "an empty sentence": (record(sentence=SUITE + 6), "no name"),
    "no function": (record(run=0), "no function"),
    "a name of 128 characters": (record(sentence=AT["LONG"]), "has 128 characters, more than 127"),
    "a name with a letter that is not ASCII": (record(sentence=AT["FOREIGN"]), "no name of a test"),
    "a name with a star": (record(sentence=AT["STAR"]), "no name of a test"),
    "a tag of 32 characters": (record(tags=AT["LONG_TAG"]), "has 32 characters, more than 31"),
    "a tag with a letter that is not ASCII": (record(tags=AT["FOREIGN_TAG"]), "tags are of ASCII letters"),
    "two blanks between tags": (record(tags=AT["WIDE_TAGS"]), "one blank between"),
    "a tab between tags": (record(tags=AT["TAB_TAG"]), "tags are of ASCII letters"),
    "a line feed between tags, which would begin a second line of the message":
        (record(tags=AT["LINE_TAG"]), "has the tag 'slow\\\\nhuge': tags are"),
    "an expected failure without a text": (
        record(expect_failure=AT["EMPTY"]), "does not say by which check"),
    "an expected failure of a blank": (
        record(expect_failure=AT["BLANK"]), "does not say by which check"),
    "a limit of more than an hour": (record(timeout_ms=3_600_001), "no test more than 3600000"),
    "a limit of weeks": (record(timeout_ms=3_000_000_000), "may take 3000000000 ms"),
    "an unknown requirement": (record(requires=int(ALL_FEATURES) + 1), "does not know"),
    "requirements that no machine joins": (
        record(requires=int(Feature.LA57 | Feature.VGA_TEXT)),
        "no machine provides what map_to.maps requires",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_image_is_refused(tmp_path: Path, case: str) -> None:
    records, text = DAMAGED[case]
    with pytest.raises(ImageFault, match=text):
        read_tests(image_of(tmp_path, records))


def test_an_image_without_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageFault, match="no whole number"):
        read_tests(image_of(tmp_path, record(), section=b".other"))


def test_what_is_no_elf_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.elf"
    path.write_text("not an ELF file")
    with pytest.raises(EnvironmentFault, match="no ELF file"):
        read_tests(path)
