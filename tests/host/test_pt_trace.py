"""The trace tool against a model of page tables in Python, on random traces."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field

import pytest

from harness.machine.project import build_directory
from seed import again, random_of

LIMIT_S = 60
TRACES = 12  # for each way of access and number of levels
SIZES = {"4k": 1, "2m": 2, "1g": 3}
NAMES = {level: name for name, level in SIZES.items()}
PRESENT, HUGE, PAT_HUGE = 1 << 0, 1 << 7, 1 << 12
FRAME_BITS = 0x000F_FFFF_FFFF_F000
ACCESSES = ("linear", "temporary", "recursive")


def covered(level: int) -> int:
    """Bytes that an entry of a table at `level` covers."""
    return 4096 << 9 * (level - 1)


def run_tool(trace: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [build_directory() / "host" / "pt_trace", *arguments],
        input=trace,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@dataclass
class Model:
    """Leaves by first address, and the first addresses of the tables of each level."""

    levels: int
    frames: int
    leaves: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # level, frame, flags
    tables: set[tuple[int, int]] = field(default_factory=set)

    def is_canonical(self, address: int) -> bool:
        upper = address >> (56 if self.levels == 5 else 47)
        return upper in (0, (1 << 64) - 1 >> (56 if self.levels == 5 else 47))

    def above(self, page: int, level: int) -> list[tuple[int, int]]:
        """The tables that a leaf at `level` needs."""
        return [(at, page - page % covered(at + 1)) for at in range(level, self.levels)]

    def leaf_at(self, address: int) -> int | None:
        for level in NAMES:
            start = address - address % covered(level)
            if self.leaves.get(start, (0,))[0] == level:
                return start
        return None

    def place_fault(self, page: int, level: int) -> str:
        """Why the leaf of a page is not found where it could be; nothing if it is."""
        if page % covered(level):
            return "misaligned"
        start = self.leaf_at(page)
        if start is not None and self.leaves[start][0] >= level:
            return "" if self.leaves[start][0] == level else "inside_huge_page"
        below = any(page <= start < page + covered(level) for start in self.leaves)
        return "over_table" if below else "not_mapped"

    def flags_fault(self, flags: int, level: int) -> bool:
        address_bits = FRAME_BITS - (PAT_HUGE if level > 1 else 0)
        return not flags & PRESENT or bool(flags & address_bits)

    def map(self, page: int, frame: int, level: int, flags: int) -> str:
        if not self.is_canonical(page):
            return "not_canonical"
        if (page | frame) % covered(level):
            return "misaligned"
        if frame >= 1 << 52:
            return "bad_address"
        if self.flags_fault(flags, level):
            return "bad_flags"
        found = self.place_fault(page, level)
        end = page + covered(level)
        if found != "not_mapped":
            return found or "already_mapped"
        missing = [table for table in self.above(page, level) if table not in self.tables]
        if len(missing) > self.frames - len(self.tables):
            return "no_frame"
        self.tables = {
            (at, start) for at, start in self.tables if at >= level or not page <= start < end
        }
        self.tables |= set(missing)
        self.leaves[page] = (level, frame, flags | (HUGE if level > 1 else 0))
        return "ok"

    def unmap(self, page: int, level: int) -> str:
        fault = self.place_fault(page, level) if self.is_canonical(page) else "not_canonical"
        return fault or f"ok {self.leaves.pop(page)[1]:x}"

    def upd(self, page: int, level: int, flags: int) -> str:
        if not self.is_canonical(page):
            return "not_canonical"
        if page % covered(level):
            return "misaligned"
        if self.flags_fault(flags, level):
            return "bad_flags"
        fault = self.place_fault(page, level)
        if not fault:
            self.leaves[page] = (level, self.leaves[page][1], flags | (HUGE if level > 1 else 0))
        return fault or "ok"

    def tr(self, address: int) -> str:
        if not self.is_canonical(address):
            return "not_canonical"
        start = self.leaf_at(address)
        if start is None:
            return "not_mapped"
        level, frame, flags = self.leaves[start]
        return f"{frame + address - start:x} {NAMES[level]} {flags:x}"

    def cleanup(self) -> str:
        leaves = self.leaves.items()
        needed = {table for page, leaf in leaves for table in self.above(page, leaf[0])}
        freed = len(self.tables) - len(needed)
        self.tables = needed
        return f"ok {freed:x}"

    def listing(self) -> list[str]:
        leaves = sorted(self.leaves.items())
        return [f"tables {len(self.tables):x}"] + [
            f"leaf {page:x} {frame:x} {NAMES[level]} {flags:x}"
            for page, (level, frame, flags) in leaves
        ]

    def answer(self, line: str) -> str:
        name, *words = line.split()
        arguments = [SIZES[word] if word in SIZES else int(word, 16) for word in words]
        result = getattr(self, name)(*arguments)
        assert isinstance(result, str)
        return result


def random_line(chance: random.Random, levels: int, roots: list[int]) -> str:
    size = chance.choice(list(SIZES))
    bits = 57 if levels == 5 else 48
    page = chance.choice(roots) << (bits - 9)
    page |= chance.choice((0, 1, 511)) << 30
    page |= (chance.choice((0, 1, 511)) << 21) if size != "1g" else 0
    page |= (chance.choice((0, 1, 2, 511)) << 12) if size == "4k" else 0
    if page >> (bits - 1):
        page |= (1 << 64) - (1 << bits)
    frame = chance.getrandbits(52) & -covered(SIZES[size])
    flags = chance.choice((0x3, 0x1, 0x7, 0x8000000000000003, 0x63, 0x1E0B, 0xFFF0000000000FFF))
    flags &= ~(PAT_HUGE if size == "4k" else 0)
    match chance.randrange(40):
        case 0:
            page ^= 1 << chance.randrange(64)
        case 1:
            frame ^= 1 << chance.randrange(64)
        case 2:
            flags ^= 1 << chance.randrange(64)
    return chance.choice(
        (f"map {page:x} {frame:x} {size} {flags:x}",) * 5
        + (f"unmap {page:x} {size}",) * 3
        + (f"upd {page:x} {size} {flags:x}",) * 2
        + (f"tr {page | chance.getrandbits(12):x}",) * 2
        + ("cleanup",) * chance.randrange(2)
    )


def random_trace(chance: random.Random, levels: int) -> list[str]:
    roots = chance.sample((0, 1, 2, 3, 255, 256, 510, 511), 4)
    return [random_line(chance, levels, roots) for _ in range(600)]


@pytest.mark.random
@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("levels", (4, 5))
def test_random_traces_are_answered_as_by_the_model(access: str, levels: int) -> None:
    for number in range(TRACES):
        chance = random_of(f"trace {number} {access} {levels}")
        place = f"trace {number}, again: {again()}"
        frames = chance.choice((0, 3, 9, 20, 65536))
        model = Model(levels, frames)
        trace = random_trace(chance, levels)
        expected = [model.answer(line) for line in trace] + model.listing()
        done = run_tool(
            "\n".join(trace), "--levels", str(levels), "--access", access, "--frames", str(frames)
        )
        assert done.stderr == "", place
        assert done.returncode == 0, place
        answers = done.stdout.splitlines()
        questions = trace + ["(what the tables hold)"] * len(answers)
        for index, (line, answer, wanted) in enumerate(zip(questions, answers, expected)):
            assert answer == wanted, f"{place}, line {index + 1}: {line}"
        assert len(answers) == len(expected), place


@pytest.mark.parametrize("access", ACCESSES)
def test_all_of_the_root_is_free_for_traces(access: str) -> None:
    """But for two entries, which recursive access itself needs somewhere."""
    pages = [index << 39 | (0xFFFF << 48 if index >= 256 else 0) for index in range(510)]
    trace = "".join(f"map {page:x} 1000 4k 3\n" for page in pages)
    done = run_tool(trace, "--access", access)
    assert done.stdout.splitlines() == ["ok"] * 510 + [f"tables {3 * 510:x}"] + [
        f"leaf {page:x} 1000 4k 3" for page in pages
    ]
    done = run_tool(trace + "tr ffffff0000000000\ntr ffffff8000000000\n", "--access", access)
    if access == "recursive":
        assert done.returncode == 1
        assert "line 511: the root has no entry left for recursive access itself" in done.stderr
    else:
        assert done.stdout.splitlines()[510:512] == ["not_mapped"] * 2


def test_comments_and_blank_lines_are_skipped() -> None:
    done = run_tool("# nothing\n\n  \t\n tr 1000\n#\ntr 2000")
    assert done.stdout == "not_mapped\nnot_mapped\ntables 0\n"


@pytest.mark.parametrize(
    "line",
    (
        "frobnicate 1000",
        "map 1000 2000 4k",
        "map 1000 2000 4k 3 3",
        "map 0x1000 2000 4k 3",
        "map 1000 2000 8k 3",
        "map 1000 2000 4K 3",
        "map -1000 2000 4k 3",
        "map 10000000000000000 2000 4k 3",
        "map 1000 2000 4k g",
        "unmap 1000",
        "upd 1000 4k",
        "tr",
        "tr 1000 4k",
        "cleanup 1",
        "tr 1000\0",
        "a b c d e f g h i j",
    ),
)
def test_a_malformed_line_is_an_error_that_names_it(line: str) -> None:
    done = run_tool(f"tr 1000\n\n{line}\ntr 2000\n")
    assert done.returncode == 2
    assert done.stdout == "not_mapped\n"
    assert done.stderr.startswith("pt_trace: line 3: ")


@pytest.mark.parametrize(
    "arguments",
    (
        ("--levels", "3"),
        ("--levels",),
        ("--frames", "x"),
        ("--frames", "-1"),
        ("--frames", ""),
        ("--access", "magic"),
        ("trace.txt",),
    ),
)
def test_a_malformed_argument_is_an_error(arguments: tuple[str, ...]) -> None:
    done = run_tool("", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "try --help" in done.stderr


def test_help_tells_what_can_be_asked() -> None:
    done = run_tool("", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: pt_trace ")
