"""What each command of the prompt says and does, compared with QEMU's view where it has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.tree import ROOT
from harness.suite.kernel_tests import read_test_image
from monitor_session import COMMANDS, Session
from harness.qemu.monitor import Monitor
from harness.verdict.verdict import EXIT_PASS

NEAR_PAGE = "0x803fe00000"
# Tests of what booting leaves, which the prompt cannot run.
LEFT_OUT = 11
STRATEGIES = ["offset", "fixed", "identity", "temporary", "recursive"]


def test_help_lists_the_commands_on_one_screen() -> None:
    with Session() as session:
        lines = session.ask("help")
        assert ["help", *(line.split()[0] for line in lines)] == COMMANDS
        assert len(lines) <= 24
        for command in COMMANDS:
            assert re.match(rf"{command}[ :]", session.ask(f"help {command}")[0])


def test_walk_shows_the_entries_that_qemu_reads(tmp_path: Path) -> None:
    with Session(qmp=tmp_path / "qmp") as session, Monitor(tmp_path / "qmp") as monitor:
        for address, indices in (("0xb8000", [0, 0, 0, 0o270]), ("stack", [0o640, 0, 0, 0o360])):
            title, _, *steps, result = session.ask(f"walk {address}")
            octal = "_".join(f"{index:03o}" for index in indices)
            assert re.fullmatch(rf"0o(000000|177777)_{octal}_0000, 4 levels", title)
            assert [int(step.split()[0]) for step in steps] == [4, 3, 2, 1]
            for step, index in zip(steps, indices):
                _, decimal, _, in_octal, table, entry, *_ = step.split()
                assert (int(decimal), in_octal) == (index, f"0o{index:03o}")
                seen = monitor.human(f"xp /1gx {int(table, 16) + 8 * index:#x}").split()[1]
                assert seen == entry, step
            assert steps[-1].split()[6] == "rw--"
            assert "4 KiB page, rw--" in result
        assert session.ask("walk 0xb8000")[-1].startswith("0xb8000 -> 0xb8000, ")


def test_walk_ends_where_nothing_is_mapped() -> None:
    with Session() as session:
        *_, step, result = session.ask("walk 0")
        assert step.endswith("----    not present")
        assert result.startswith("0x0 -> not mapped: the entry of level 1 is not present")
        line = session.one("walk 0x800000000000")
        assert line == "0x800000000000 is not canonical: bits 63 to 47 must be equal with 4 levels"


def test_what_an_upper_entry_forbids_is_forbidden_below() -> None:
    with Session() as session:
        session.one(f"map {NEAR_PAGE} new rwxu")
        entry = session.ask(f"walk {NEAR_PAGE}")[2].split()[5]
        assert [line.split()[6] for line in session.ask(f"walk {NEAR_PAGE}")[2:6]] == ["rwxu"] * 4
        read_only = int(entry, 16) & ~0b110
        assert session.one(f"write physical+cr3+8 {read_only:#x} force").endswith("written")
        assert [line.split()[6] for line in session.ask(f"walk {NEAR_PAGE}")[2:6]] == ["r-x-"] * 4
        assert any(" 4 KiB r-x- 4 KiB" in line for line in session.ask("maps"))
        assert session.ask(f"write {NEAR_PAGE} 1")[1].startswith("  W is not set at every level")
        session.ask("access recursive")
        assert [line.split()[6] for line in session.ask("walk recursive")[2:6]] == ["rw--"] * 4


def test_walk_has_five_steps_with_five_levels() -> None:
    with Session("paging=5", "la57") as session:
        title, _, *steps, _ = session.ask("walk 0xb8000")
        assert title == "0o000_000_000_000_000_270_0000, 5 levels"
        assert len(steps) == 5
        assert "bits 63 to 56" in session.one("translate 0x0100000000000000")


@pytest.mark.parametrize(
    ("address", "start"),
    [
        ("0xb8123", "0xb8123 -> 0xb8123, 4 KiB page, rw--"),
        ("0o270_0123", "0xb8053 -> 0xb8053, "),
        ("736K", "0xb8000 -> 0xb8000, "),
        ("physical+cr3", "0xffff800000001000 -> 0x1000, 4 KiB page, rw--"),
        ("text", "0xffffffff80200000 -> 0x200000, 4 KiB page, r-x- [kernel text]"),
        ("recursive", "0xffffff0000000000 -> not mapped: the entry of level 4 is not present"),
    ],
)
def test_translate_takes_addresses_in_any_form(address: str, start: str) -> None:
    with Session() as session:
        assert session.one(f"translate {address}").startswith(start)


Mapping = tuple[int, int, bool]


def merged(mappings: list[Mapping]) -> list[Mapping]:
    """[start, end) and whether it is writable, neighbours that do not differ made one."""
    result: list[Mapping] = []
    for start, end, writable in sorted(mappings):
        if result and result[-1][1] == start and result[-1][2] == writable:
            start = result.pop()[0]
        result.append((start, end, writable))
    return result


def test_maps_shows_what_qemu_sees_mapped(tmp_path: Path) -> None:
    row = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16}) ([42] [KM]iB|1 GiB) r([w-])[x-][u-] ")
    with Session(qmp=tmp_path / "qmp") as session, Monitor(tmp_path / "qmp") as monitor:
        assert session.ask("map 0x7000000000 new 4M r")
        ours = []
        for line in session.ask("maps"):
            match = row.match(line)
            assert match, line
            ours.append((int(match[1], 16), int(match[2], 16) + 1, match[4] == "w"))
        theirs = []
        for line in monitor.human("info mem").splitlines():
            span, _, rights = line.split()
            start, end = (int(part, 16) for part in span.split("-"))
            theirs.append((start, end, rights[2] == "w"))
        assert merged(ours) == merged(theirs)


def test_maps_names_size_and_rights_of_each_part() -> None:
    with Session() as session:
        lines = session.ask("maps")
        low = [line for line in lines if line.endswith(", first 2 MiB, identity")]
        assert low[0].startswith("0000000000001000-") and "-00000000001fffff " in low[-1]
        (screen,) = (line for line in low if int(line[:16], 16) <= 0xB8000 < int(line[17:33], 16))
        assert screen.endswith(" rw-- 196 KiB, uncached, first 2 MiB, identity")
        assert any(line.endswith("2 MiB rw-- 60 MiB, physical memory: the RAM") for line in lines)
        assert any(line.endswith("4 KiB rw-- 4 KiB, uncached, local APIC, if there is one")
                   for line in lines)
        assert sum(", kernel text" in line for line in lines) == 1
        text = next(line for line in lines if "kernel text" in line)
        assert " r-x- " in text
        session.one("map 0x7000000000 new 16K")
        session.one("protect 0x7000001000 r")
        assert [line for line in session.ask("maps") if line.startswith("0000007000")] == [
            "0000007000000000-0000007000000fff 4 KiB rw-- 4 KiB",
            "0000007000001000-0000007000001fff 4 KiB r--- 4 KiB",
            "0000007000002000-0000007000003fff 4 KiB rw-- 8 KiB",
        ]


def test_tables_counts_what_a_mapping_adds() -> None:
    def count() -> int:
        line = session.ask("tables")[-1]
        assert line.startswith("Tables by level: 1 of level 4, ")
        match = re.search(r"; (\d+) in all, (\d+) KiB", line)
        assert match and int(match[2]) == 4 * int(match[1])
        return int(match[1])

    with Session() as session:
        before = count()
        assert session.one(f"map {NEAR_PAGE} 0x5000").endswith("1 page, 3 new tables")
        assert count() == before + 3
        assert session.one("map 0x803fe02000 0x6000").endswith("1 page, 0 new tables")
        assert session.one("map 0x803fdfd000 0x7000").endswith("1 page, 1 new table")
        answer = session.one("unmap 0x803fdfd000")
        assert answer.endswith("1 page unmapped, 1 empty table given back")
        answer = session.one(f"unmap {NEAR_PAGE} 12K")
        assert answer.endswith("2 pages unmapped, 3 empty tables given back")
        assert count() == before


def test_layout_and_memmap_agree_about_the_kernel() -> None:
    with Session() as session:
        text = next(line for line in session.ask("layout") if " text " in line)
        start = int(text[:16], 16) - 0xFFFFFFFF80000000
        regions = [line.split() for line in session.ask("memmap") if line.endswith("iB")]
        kernel = [region for region in regions if region[3:4] == ["kernel"]]
        assert any(int(region[0], 16) <= start <= int(region[2], 16) for region in kernel)


def free_frames(session: Session) -> int:
    match = re.search(r"free +(\d+), ", session.ask("frames")[1])
    assert match
    return int(match[1])


def test_alloc_and_free_move_exactly_the_frames_of_a_block() -> None:
    with Session() as session:
        session.ask("alloc")
        before = free_frames(session)
        match = re.match(r"frame (0x[0-9a-f]+): 2 MiB of physical memory$", session.one("alloc 2M"))
        assert match and int(match[1], 16) % (2 << 20) == 0
        assert free_frames(session) == before - 512
        assert "wrong order: " in session.one(f"free {match[1]}")
        assert session.one(f"free {match[1]} 2M") == f"free {match[1]}: ok"
        assert session.one(f"free {match[1]} 2M").startswith(f"free {match[1]}: double free")
        assert free_frames(session) == before
        assert session.one("alloc 1G") == "no free block of that size is left; see `frames`"
        orders = [line for line in session.ask("frames") if line.startswith("  order")]
        assert orders and all(re.search(r"order +\d+: +\d+ free of \d+ [KMG]iB", o) for o in orders)
        assert "refused: a page table" in session.one("free cr3")


def test_a_page_can_be_mapped_written_and_unmapped() -> None:
    with Session() as session:
        assert session.one("map 0 0xb8000") == "0x0 -> 0xb8000, 4 KiB, rw--, uncached: 1 page, 0 new tables"
        assert session.one("write 0xc80 0xf021f077f065f04e") == "0xc80: 0xf021f077f065f04e written"
        assert session.one("read 0xb8c80") == "0xb8c80: 0xf021f077f065f04e"
        dump = "0000000000000c80  4e f0 65 f0 77 f0 21 f0" + " " * 26 + "N.e.w.!."
        assert session.one("read 0xc80 8") == dump
        assert session.one("write 0xc80 0x42 1") == "0xc80: 0x42 written"
        assert session.one("read 0xc80") == "0xc80: 0xf021f077f065f042"
        assert session.one("unmap 0") == "0x0: 1 page unmapped, 0 empty tables given back"
        assert session.ask("read 0") == [
            "page fault: read from 0x0, error code 0x0",
            "  the entry of level 1 is not present: see `walk 0x0`",
        ]


def test_pages_can_be_split_merged_and_protected() -> None:
    with Session() as session:
        free = free_frames(session)
        assert "2 MiB, rw--: 1 page, 2 new tables" in session.one(f"map {NEAR_PAGE} new 2M")
        assert session.one(f"write {NEAR_PAGE}+0x1ff000 7").endswith("written")
        assert "a 2 MiB page became 512 of 4 KiB" in session.one(f"split {NEAR_PAGE}+5")
        assert ", 4 KiB page, " in session.one(f"translate {NEAR_PAGE}")
        assert session.one(f"read {NEAR_PAGE}+0x1ff000").endswith("0x0000000000000007")
        assert session.one(f"protect {NEAR_PAGE} 8K r") == f"{NEAR_PAGE}: 2 pages with r---"
        assert "differ in flags" in session.one(f"merge {NEAR_PAGE}")
        assert session.ask(f"write {NEAR_PAGE}+0x1000 1") == [
            "page fault: write to 0x803fe01000, error code 0x3",
            "  W is not set at every level, and CR0.WP holds the kernel to it",
        ]
        assert session.one(f"protect {NEAR_PAGE} 8K rw") == f"{NEAR_PAGE}: 2 pages with rw--"
        assert "became one of 2 MiB, 1 table given back" in session.one(f"merge {NEAR_PAGE}")
        assert session.one(f"read {NEAR_PAGE}+0x1ff000").endswith("0x0000000000000007")
        frame = session.one(f"translate {NEAR_PAGE}").split()[2].rstrip(",")
        assert session.one(f"unmap {NEAR_PAGE}").endswith("2 empty tables given back")
        assert session.one(f"free {frame} 2M").endswith("ok")
        assert free_frames(session) == free


def test_the_cpu_refuses_what_the_entries_forbid() -> None:
    with Session() as session:
        session.one("map 0x7000001000 new 4K rwxu")
        assert session.ask("fetch 0xb8000") == [
            "page fault: instruction fetch from 0xb8000, error code 0x11",
            "  NX is set on the way to the page",
        ]
        assert re.fullmatch(
            r"the instruction at 0x\w+ was run; the next one is at 0x\w+ \(monitor_run\+0x\w+\)",
            session.one("fetch monitor_run"),
        )
        assert "SMAP" in session.ask("read 0x7000001000")[1]
        assert "SMEP" in session.ask("fetch 0x7000001000")[1]
        assert session.one("read 0x4000000000000000") == (
            "general protection fault: 0x4000000000000000 is not canonical"
        )
        assert "error code 0x10" in session.ask("fetch 0")[0]
        assert "read from 0x200000, error code 0x0" in session.ask("read 0x1ffff8 16")[0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("unmap text", "the kernel itself is there"),
        ("protect stack 64K r", "a stack of the kernel's is there"),
        ("unmap physical", "page tables and the kernel's frames are reached there"),
        ("map stack-4K new", "it must stay unmapped for a stack overflow to be noticed"),
        ("map temporary new", "the kernel changes its entries as it needs them"),
        ("write physical+cr3 0", "a page table is there"),
        ("write data 0", "the kernel itself is there"),
        ("unmap 0xffff800000000000 0x700000000000", "page tables and the kernel's frames"),
    ],
)
def test_what_the_kernel_stands_on_is_not_changed_without_force(line: str, reason: str) -> None:
    with Session() as session:
        before = session.ask("maps")
        answer = session.one(line)
        assert answer.startswith(f"refused: {reason}") and "force" in answer
        assert session.ask("maps") == before


def test_a_fault_inside_a_command_ends_the_command_alone() -> None:
    with Session() as session:
        assert session.one("unmap boot_info 8K force").startswith("0xffffd08000000000: 2 pages")
        assert session.ask("memmap")[-2].startswith("page fault: read from 0xffffd08")
        assert session.one("translate 0xb8000").startswith("0xb8000 -> 0xb8000")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_access_can_be_changed_between_all_ways_that_the_tables_allow(strategy: str) -> None:
    with Session(f"access={strategy}") as session:
        expected = session.one("translate stack")
        for other in ("offset", "temporary", "recursive", strategy):
            assert f"reached by access={other}" in session.ask(f"access {other}")[0]
            assert session.one("translate stack") == expected
            assert [line[2:].split()[0] for line in session.ask("access")] == STRATEGIES
            assert f"* {other} " in "\n".join(session.ask("access"))
            assert session.one("map 0x7000000000 0x5000").endswith("2 new tables")
            assert session.one("unmap 0x7000000000").endswith("2 empty tables given back")


def test_access_refuses_a_window_that_does_not_show_all_tables() -> None:
    with Session() as session:
        # More tables than there are frames in the first 2 MiB.
        answer = session.one("map 0x7000000000 0 1G pages=4K force")
        assert answer.endswith(": 262144 pages, 513 new tables")
        assert "is outside of the window, 0x1000 to 0x1fffff" in session.one("access identity")
        assert session.one("access fixed").endswith("boot with access=fixed")
        assert session.one("translate 0x7000000000").startswith("0x7000000000 -> 0x0, ")


def test_cpu_shows_the_registers_that_qemu_shows(tmp_path: Path) -> None:
    with Session(qmp=tmp_path / "qmp") as session, Monitor(tmp_path / "qmp") as monitor:
        lines = session.ask("cpu")
        registers = monitor.human("info registers")
        for name in ("CR0", "CR3", "CR4", "EFER"):
            match = re.search(rf"\b{name}=\s*([0-9a-f]+)", registers)
            assert match
            line = next(line for line in lines if line.startswith(name))
            assert int(line.split()[1], 16) == int(match[1], 16)
        assert next(line for line in lines if line.startswith("CR0")).split()[2:] == [
            "PE", "ET", "WP", "PG",
        ]
        cr4 = next(line for line in lines if line.startswith("CR4"))
        assert {"PAE", "SMEP", "SMAP"} <= set(cr4.split())
        assert "  yes  1 GiB pages" in lines


def test_a_cpu_without_features_says_so() -> None:
    with Session(profile="nofeatures") as session:
        assert "  no   NX (pages that are not code)" in session.ask("cpu")
        assert "rwx-" in session.one("map 0x7000000000 new")
        session.one("write 0x7000000000 0x9090")  # two NOPs
        assert session.one("fetch 0x7000000000").endswith("the next one is at 0x7000000001")


def test_without_the_map_of_physical_memory_frames_come_one_by_one() -> None:
    with Session("physical=off access=temporary") as session:
        assert session.ask("frames")[0].startswith("With physical=off frames come one by one")
        first = int(session.one("alloc").split()[1].rstrip(":"), 16)
        assert session.one("alloc 8K").startswith("no free block of that size")
        assert session.one("map 0x7000000000 new").startswith(f"0x7000000000 -> {first + 4096:#x}")
        assert session.one("access offset").startswith("physical=off")
        *_, last = session.ask("claims all")
        assert re.fullmatch(r"17 of 24 hold, 7 not shown here", last)
        assert not any("physical memory" in line for line in session.ask("maps"))


@pytest.mark.parametrize("words", ["", "paging=5"])
def test_every_claim_holds_and_leaves_no_trace(words: str) -> None:
    with Session(words, "la57" if words else "fast") as session:
        session.ask("access recursive")
        session.ask("claims M5")  # the access takes its scratch page into use
        free, maps, tables = free_frames(session), session.ask("maps"), session.ask("tables")[-1]
        ids = [line.split()[0] for line in session.ask("claims")]
        assert len(ids) >= 12
        documented = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
        assert [name for name in ids if f"\n| {name} |" not in documented] == []
        lines = session.ask("claims all")
        assert lines[-1] == f"{len(ids)} of {len(ids)} hold, 0 not shown here"
        assert lines.count("  so it is") == len(ids)
        assert (free_frames(session), session.ask("maps"), session.ask("tables")[-1]) == (
            free, maps, tables,
        )
        assert session.ask("claims m5") == session.ask("claims M5")


def test_claims_that_this_machine_cannot_show_say_what_to_do() -> None:
    with Session() as session:
        assert session.ask("claims C1")[1:] == [
            "  the root does not name itself: enter `access recursive` first", "  not shown here",
        ]
        session.one("map 0 0x5000")
        assert session.ask("claims B5")[-1] == "  not shown here"


def test_bench_measures_each_operation() -> None:
    with Session() as session:
        free = free_frames(session)
        lines = session.ask("bench")
        assert [int(line.split()[-1]) > 0 for line in lines[1:]] == [True] * 5
        assert free_frames(session) == free


def counts_of(lines: list[str]) -> dict[str, int]:
    """What the summary of a run says."""
    (summary,) = (line for line in lines if line.startswith("# summary: "))
    return {name: int(value) for name, value in re.findall(r"(planned|passed|failed|skipped)=(\d+)",
                                                           summary)}


def test_the_kernels_tests_run_from_the_prompt_again_and_again() -> None:
    tests = [test for test in read_test_image() if "fresh" not in test.tags]
    with Session() as session:
        free = free_frames(session)
        for _ in range(2):
            lines = session.ask("test *")
            counts = counts_of(lines)
            assert (counts["planned"], counts["failed"]) == (len(tests), 0), lines
            assert counts["passed"] > len(tests) - 30
            left_out = {line.split()[-1] for line in lines if line.startswith("# left out")}
            assert left_out == {test.name for test in read_test_image()} - {
                test.name for test in tests
            }
            assert len(left_out) == LEFT_OUT
            assert free_frames(session) == free


def test_a_suite_or_a_single_test_is_chosen_by_its_name() -> None:
    suites = {test.name.split(".")[0] for test in read_test_image()}
    with Session() as session:
        *rows, _ = session.ask("test")
        listed = " ".join(rows).split()
        assert set(listed[1::2]) == suites and all(len(row) < 80 for row in rows)
        assert sum(map(int, listed[::2])) == len(read_test_image())
        lines = session.ask("test unmap.*")
        expected = [test.name for test in read_test_image() if test.name.startswith("unmap.")]
        assert sorted(line.split()[2] for line in lines if line.startswith("ok ")) == sorted(expected)
        assert session.one("test no_such.*") == 'no test matches "no_such.*"; `test` lists the suites'
        assert session.one("test unmpa").endswith("did you mean `test unmap.*`?")
        left_out, hint = session.ask("test boot.calls_nothing_usable_that_is_in_use")
        assert left_out.startswith("# left out") and "qemu_runner.py test" in hint


def test_a_fault_in_a_test_ends_the_run_and_not_the_prompt() -> None:
    name = "translate.reaches_every_offset_of_a_2m_page"
    (test,) = (test for test in read_test_image() if test.name == name)
    with Session() as session:
        free = free_frames(session)
        # Without the page of its code, the test cannot even begin.
        page = int(session.one(f"translate {test.function}").split()[0], 16) & ~0xFFF
        session.one(f"unmap {page:#x} force")
        lines = session.ask(f"test {name}")
        (told,) = (line for line in lines if "PAGE FAULT" in line)
        start = f"# {name}, {test.file}:{test.line}: PAGE FAULT, error code 0x10, CR2 "
        assert told.startswith(start)
        address, _, function = told[len(start) :].split()
        assert int(address.rstrip(","), 16) & ~0xFFF == page
        assert function.startswith("translate_") and lines[-2] == "Failed."
        assert session.one("translate 0xb8000").startswith("0xb8000 -> 0xb8000")
        assert free_frames(session) == free


def test_the_tests_take_the_map_of_all_memory() -> None:
    with Session("physical=off access=temporary") as session:
        assert session.one("test unmap.*").startswith("physical=off")


def test_a_test_that_fails_is_shown_and_the_prompt_goes_on() -> None:
    with Session() as session:
        # All of the first 2 MiB but page 0 are to be mapped.
        session.one("unmap 0x5000")
        lines = session.ask("test boot.*")
        assert counts_of(lines)["failed"] == 1
        assert any(line.startswith("not ok ") and "first_2_mib" in line for line in lines)
        assert lines[-2] == "Failed." and "`unmap` has changed it since" in lines[-1]
        assert session.one("translate 0xb8000").startswith("0xb8000 -> 0xb8000")


@pytest.mark.parametrize(
    ("line", "status"), [("exit", EXIT_PASS), ("exit 0", EXIT_PASS), ("exit 1", 3), ("exit 0x7f", 255), ("reboot", 0)]
)
def test_the_machine_can_be_ended(line: str, status: int) -> None:
    with Session() as session:
        session.child.send(f"{line}\r")
        assert session.end() == status


# Shorter by one than what fits, as long, longer by one, and twice as long.
@pytest.mark.parametrize("length", [254, 255, 256, 510])
def test_a_line_that_is_too_long_is_refused_as_a_whole(length: int) -> None:
    with Session() as session:
        start = f"map {NEAR_PAGE} 0xb8000 rw "
        mapped = session.ask(start + " " * (length - len(start)))
        assert len(mapped) == 1
        refused = "nothing was done: the line has more than 255 characters"
        assert (mapped[0] == refused) == (length > 255)
        assert ("not mapped" in session.ask(f"translate {NEAR_PAGE}")[0]) == (length > 255)
