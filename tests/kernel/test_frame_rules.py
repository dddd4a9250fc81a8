"""What `map` and `protect` refuse without `force`: a second address of the kernel's memory with rights
that the first does not have, and pages over memory of several types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor_session import Session

FORCE = "; `force` at the end does it all the same"
CONSTANT = f"refused: the kernel's text, constants or boot info are there, which stay read-only{FORCE}"
VARIABLE = f"refused: the kernel's data or page tables are there, which are not to be executed{FORCE}"
PAGE = 0x7000000000
# Of `fast`, in which no device and no firmware is at these places.
RAM_END, LOW_RAM_END = 64 << 20, 0x9F000
IMAGE = 0x200000


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as running:
        yield running


@pytest.fixture
def unchanged(session: Session) -> Iterator[None]:
    """The test leaves the mappings as they were."""
    before = session.ask("maps")
    yield
    assert session.ask("maps") == before


def frame_of(session: Session, place: str) -> str:
    """The physical address of a register's or a region's, as a word for `map`."""
    return place if place == "cr3" else session.one(f"translate {place}").split()[2].rstrip(",")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("place", "rights", "refused"),
    [
        ("text", "rw", CONSTANT), ("text", "rwx", CONSTANT), ("text", "rwxu", CONSTANT),
        ("rodata", "rw", CONSTANT), ("boot_info", "rw", CONSTANT),
        ("data", "rx", VARIABLE), ("data", "rwx", VARIABLE), ("data", "rxu", VARIABLE),
        ("cr3", "rx", VARIABLE), ("cr3", "rwx", VARIABLE),
    ],
)
def test_a_second_address_may_not_have_rights_that_the_kernels_memory_lacks(
    session: Session, place: str, rights: str, refused: str
) -> None:
    frame = frame_of(session, place)
    assert session.one(f"map {PAGE:#x} {frame} {rights}") == refused
    # Nor may it get them later: neither reading nor what the first address may do is refused.
    assert session.one(f"map {PAGE:#x} {frame} r").startswith(f"{PAGE:#x} -> ")
    assert session.one(f"protect {PAGE:#x} {rights}") == refused
    assert session.one(f"protect {PAGE:#x} 4K {rights}") == refused
    assert session.one(f"protect {PAGE:#x} {rights} force").startswith(f"{PAGE:#x}: 1 page with r")
    assert session.one(f"unmap {PAGE:#x}").startswith(f"{PAGE:#x}: 1 page unmapped")
    assert session.one(f"map {PAGE:#x} {frame} {rights} force").startswith(f"{PAGE:#x} -> ")
    assert session.one(f"unmap {PAGE:#x}").startswith(f"{PAGE:#x}: 1 page unmapped")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("place", "rights"), [("text", "rx"), ("data", "rw"), ("0x2000000", "rwx")])
def test_a_second_address_may_do_what_the_first_may(
    session: Session, place: str, rights: str
) -> None:
    """A free frame is the user's: it may be executed, too."""
    frame = place if place.startswith("0x") else frame_of(session, place)
    assert session.one(f"map {PAGE:#x} {frame} {rights}").startswith(f"{PAGE:#x} -> ")
    assert session.one(f"unmap {PAGE:#x}").startswith(f"{PAGE:#x}: 1 page unmapped")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("rights", "refused"), [("rw", CONSTANT), ("rx", VARIABLE)])
def test_a_huge_page_may_do_what_all_its_frames_may(
    session: Session, rights: str, refused: str
) -> None:
    line = f"map {PAGE:#x} {IMAGE:#x} 2M {rights}"
    assert session.one(line) == refused
    assert "2 MiB" in session.one(f"{line} force")
    assert session.one(f"unmap {PAGE:#x}").startswith(f"{PAGE:#x}: 1 page unmapped")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("frame", "size", "boundary"),
    [
        (RAM_END - (2 << 20), "4M", RAM_END), (RAM_END - 0x1000, "8K", RAM_END),
        (RAM_END - (64 << 20), "1G", LOW_RAM_END), (0, "2M", LOW_RAM_END),
        (LOW_RAM_END - 0x1000, "8K", LOW_RAM_END),
    ],
)
def test_pages_are_not_of_ram_and_of_other_memory(
    session: Session, frame: int, size: str, boundary: int
) -> None:
    line = f"map {PAGE:#x} {frame:#x} {size}"
    assert session.one(line) == (
        f"refused: RAM is cached and other memory is not, and one of them ends at {boundary:#x}; map "
        "each by itself, or all of it cached with `force` at the end"
    )
    said = session.one(f"{line} force")
    assert said.startswith(f"{PAGE:#x} -> {frame:#x}, ") and "uncached" not in said
    session.one(f"unmap {PAGE:#x} {size}")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("force", ["", " force"])
@pytest.mark.parametrize("frame", [RAM_END, LOW_RAM_END, 0xB8000, 0xFEE00000, 1 << 32])
def test_what_is_not_ram_is_uncached_with_and_without_force(
    session: Session, frame: int, force: str
) -> None:
    assert ", uncached: 1 page" in session.one(f"map {PAGE:#x} {frame:#x} rw{force}")
    leaf = session.ask(f"walk {PAGE:#x}")[5]
    assert {"PCD", "PWT"} & set(leaf.split()) != set(), leaf
    session.one(f"unmap {PAGE:#x}")


@pytest.mark.usefixtures("unchanged")
def test_ram_is_cached(session: Session) -> None:
    assert "uncached" not in session.one(f"map {PAGE:#x} 0x2000000 rw")
    assert {"PCD", "PWT"} & set(session.ask(f"walk {PAGE:#x}")[5].split()) == set()
    session.one(f"unmap {PAGE:#x}")
