"""What is added to the kernel's output on its way to the user, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.project import PROMPT
from assay.tree import ROOT
from harness.image.source_lines import CallLines, SourceLines, with_source
from harness.image.symbols import sorted_symbols
from harness.machine.project import build_directory
from harness.terminal.kernel_output import LINE_BYTES, KernelOutput
from seed import again, random_of

ELF = build_directory() / "assay.elf"


class Marked(CallLines):
    """Marks the lines that end in `call`, without any ELF."""

    def __init__(self) -> None:
        pass

    def suffix(self, line: str) -> str:
        return " HERE" if line.endswith("call") else ""


def passed_on(said: bytes, cuts: list[int], hint: str = "") -> bytes:
    out = bytearray()
    output = KernelOutput(out.extend, Marked(), hint)
    for start, end in zip([0, *cuts], [*cuts, len(said)]):
        output.take(said[start:end])
    output.finish()
    return bytes(out)


SAID = (
    b"boot\r\na call\r\nanother call\nassay: \r\n\xff\x00\x1b[0m call\r\n"
    + b"x" * (LINE_BYTES + 5) + b" call\r\n\rassay> not yet\r\nassay> walk\rwalk call\r\r\nassay> \r"
)
EXPECTED = (
    b"boot\r\na call HERE\r\nanother call HERE\nassay: \r\n\xff\x00\x1b[0m call HERE\r\n"
    + b"x" * (LINE_BYTES + 5) + b" call\r\n\rassay> not yet\r\nHINT\r\nassay> walk\rwalk call HERE\r\r\n"
    + b"assay> \r"
)


@pytest.mark.random
def test_the_same_is_added_in_whatever_pieces_output_comes() -> None:
    for cut in range(len(SAID) + 1):
        assert passed_on(SAID, [cut], "HINT") == EXPECTED
    assert passed_on(SAID, list(range(len(SAID))), "HINT") == EXPECTED
    draw = random_of("cuts of output")
    for _ in range(200):
        cuts = sorted(draw.sample(range(len(SAID)), 8))
        assert passed_on(SAID, cuts, "HINT") == EXPECTED, f"{cuts}; again: {again()}"
    assert passed_on(SAID, [], "") == EXPECTED.replace(b"HINT\r\n", b"")


def test_a_character_is_shown_at_once_unless_it_may_begin_the_first_prompt() -> None:
    out = bytearray()
    output = KernelOutput(out.extend, Marked(), "HINT")
    for said, shown in ((b"x", b"x"), (b"y", b"xy"), (b"\nas", b"xy\n"), (b"k", b"xy\nask")):
        output.take(said)
        assert bytes(out) == shown
    output.take(b"\n" + PROMPT.encode() + b"as")
    assert out.endswith(b"HINT\r\nassay> as")
    output.take(b"\r\nas")
    assert out.endswith(b"\nas"), "nothing is held back behind the first prompt"


def place_of(name: str) -> int:
    return next(at for at, known in sorted_symbols(ELF, ("STT_FUNC",)) if known == name)


def test_a_return_address_is_told_by_the_call_before_it() -> None:
    """The last instruction of a function may be a call: behind it another function begins."""
    start = place_of("kernel_panic")
    with SourceLines(ELF) as source:
        here, before = source.at(start), source.at(start, after_call=True)
        assert here.startswith("kernel/panic/panic.c:") and source.at(start) == here
        assert before != here
        calls = CallLines(source)
        report = [
            "EXCEPTION: PAGE FAULT", "  backtrace:",
            f"    {start:#x} kernel_panic+0x0", f"    {start:#x} kernel_panic+0x0", "  walk",
            f"    {start:#x} kernel_panic+0x0",
            "PANIC: x", "  backtrace:", f"    {start:#x} kernel_panic+0x0",
            "# hung: a.b runs for more than 1 ms; interrupts are off; it is at",
            f"#     {start:#x} kernel_panic+0x0", f"#     {start:#x} kernel_panic+0x0", "#   rsp 0x0",
        ]
        told = [calls.suffix(line).strip() for line in report]
    assert told == ["", "", here, before, "", "", "", "", before, "", here, before, ""]


def test_a_fault_that_is_told_in_one_line_has_its_place_too() -> None:
    line = "# a.b, t.c:1: PAGE FAULT, error code 0x2, CR2 0x0, in kernel_panic+0x0"
    (told,) = with_source([line], ELF).values()
    assert told.startswith(f"{line}  kernel/panic/panic.c:")
    assert with_source(["walk kernel_panic+0x0", "# in kernel_panic+0x0"], ELF) == {}


@pytest.mark.parametrize("wrong", ["kernel_panic+0x1", "kernel_main+0x0", "no_such_function+0x0"])
def test_nothing_is_told_of_another_image(wrong: str) -> None:
    start = place_of("kernel_panic")
    right = f"    {start:#x} kernel_panic+0x0"
    with SourceLines(ELF) as source:
        calls = CallLines(source)
        report = ["EXCEPTION: X", "  backtrace:", f"    {start:#x} {wrong}", right, right]
        assert [calls.suffix(line) for line in report] == [""] * 5


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF", b"\x7fELF" + bytes(200)])
def test_without_a_sound_elf_nothing_is_told(tmp_path: Path, content: bytes | None) -> None:
    elf = tmp_path / "image with space.elf"
    if content is not None:
        elf.write_bytes(content)
    lines = ["EXCEPTION: X", "  backtrace:", "    0xffffffff80201000 f+0x1", "    0xffffffff80201000"]
    assert with_source(lines, elf) == {}
    with SourceLines(elf) as source:
        assert source.describe(0xFFFF_FFFF_8020_1000) == "0xffffffff80201000"


def test_without_addr2line_only_the_function_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(ROOT / "docs"))
    with SourceLines(ELF) as source:
        start = place_of("kernel_panic")
        assert source.describe(start + 1) == f"{start + 1:#x} (kernel_panic+0x1)"
