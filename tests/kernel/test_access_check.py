"""Without `force`, the prompt takes no way to the page tables that would end the kernel, breaks none in
use, and writes to nothing that the kernel stands on."""

from __future__ import annotations

import pytest

from monitor_session import Session

# The root of the kernel's page tables is in frame 0x1000. What makes the way impossible, without
# `force`; the way; what the refusal says.
BROKEN = {
    "a user page": (("protect 0x1000 rwu",), "identity", "0x1000, where the frame 0x1000 must be seen, is a user page"),
    "a page that is not mapped": (("unmap 0x3000",), "identity", "0x3000, where"),
    "another frame": (
        ("unmap 0x1000", "map 0x1000 0xb8000"), "identity", "0x1000 shows the frame 0xb8000",
    ),
    "a read-only table": (("protect 0x2000 r",), "identity", "0x2000, where"),
    "a read-only page for a new table": (
        ("protect 0x150000 r",), "identity", "0x150000, where the frame 0x150000 must be seen, is read",
    ),
    "a window without its last page": (("unmap 0x1ff000",), "identity", "0x1ff000, where"),
    "no window": ((), "fixed", "0xa0000001000, where the frame 0x1000 must be seen, is not mapped"),
}
# What each way stands on: to change it is refused while it is in use.
NEEDED = {
    "identity": ("unmap 0x1000", "unmap 0x1ff000", "protect 0x1000 rwu", "protect 0x80000 r"),
    "fixed": ("unmap 0xa0000001000", "protect 0xa0000001000 r"),
    "temporary": ("unmap 0xffffd100001ff000", "protect 0xffffd100001ff000 r", "merge temporary"),
    "recursive": ("unmap recursive 4K", "protect recursive 1G r"),
    "offset": ("unmap physical 4K", "protect physical 2M rwu", "unmap physical+16M 2M"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_way_that_cannot_be_used_is_refused_with_the_page(name: str) -> None:
    before, way, words = BROKEN[name]
    with Session() as session:
        for line in before:
            session.ask(line)
        answer = session.one(f"access {way}")
        assert words in answer
        assert session.ask("access")[0].startswith("* offset")
        assert session.ask("walk 0")[-1].startswith("0x0 -> not mapped")


@pytest.mark.parametrize("levels", [4, 5])
@pytest.mark.parametrize("way", NEEDED)
def test_what_the_way_in_use_stands_on_is_not_changed_without_force(way: str, levels: int) -> None:
    with Session(f"access={way} paging={levels}", "fast" if levels == 4 else "la57") as session:
        for line in NEEDED[way]:
            assert session.one(line).startswith("refused: "), line
        assert session.ask("walk 0")[-1].startswith("0x0 -> not mapped")


def test_writing_to_a_device_is_refused_without_force_but_to_the_screen() -> None:
    with Session(profile="pvh") as session:
        # The command register of the local APIC: INIT for the CPU itself.
        for line in ("write apic+0x300 0x84500 4", "write apic+0xf0 0 4"):
            assert session.one(line).startswith("refused: a device may be there"), line
        session.ask("map 0x40000000 0xfee00000")
        assert session.one("write 0x40000300 0x84500 4").startswith("refused: a device may be there")
        assert session.one("write 0xb8000 0x1f41 2").endswith("0x1f41 written")
        assert session.one("write screen 0x1f42 2").endswith("0x1f42 written")


@pytest.mark.parametrize("table", ("0x1000", "0x2000", "physical+cr3", "0x40000000"))
def test_writing_to_a_page_table_is_refused_at_each_of_its_addresses(table: str) -> None:
    with Session() as session:
        session.ask("map 0x40000000 cr3")
        assert session.one(f"write {table}+0x7f8 0").startswith("refused: a page table is there")
