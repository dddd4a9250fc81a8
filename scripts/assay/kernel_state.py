"""What the kernel's own variables say: its memory, its frames, its test. Imported by gdb.

They are read by their names in the debug information, so that a change of the kernel's structures
is noticed here as a missing field, not as a wrong figure.
"""

from __future__ import annotations

from collections.abc import Iterator

import gdb  # type: ignore[import]

PAGE_SHIFT = 12
UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
TYPE_PREFIX = "MEMORY_"
ABBREVIATIONS = ("ACPI", "BIOS", "NVS")


def variable(name: str) -> gdb.Value | None:
    """A static variable of any file of the image, or None."""
    symbol = gdb.lookup_static_symbol(name) or gdb.lookup_global_symbol(name)
    return None if symbol is None else symbol.value()


def kernel() -> gdb.Value:
    """The struct kernel. Raises GdbError without."""
    value = variable("kernel")
    if value is None:
        raise gdb.GdbError("no variable `kernel`: load the symbols with `file build/assay.elf`")
    return value


def memory_lines() -> Iterator[str]:
    """The memory map: each region, then the sum of each type."""
    info = kernel()["boot_info"]
    # The pointer is set when the kernel's own tables are in use; before, the variable is in reach.
    memory_map = (info.dereference() if int(info) else _required("boot_info"))["memory_map"]
    sums: dict[str, int] = {}
    count = int(memory_map["region_count"])
    yield f"Memory map, {count} regions:"
    for index in range(count):
        region = memory_map["regions"][index]
        start, end = int(region["start"]["value"]), int(region["end"]["value"])
        kind = _memory_type(region["type"])
        sums[kind] = sums.get(kind, 0) + end - start
        yield f"  {start:012x} - {end - 1:012x}  {kind:17}{size_text(end - start)}"
    for kind, total in sums.items():
        yield f"  in all: {kind}, {size_text(total)}"


def frame_lines() -> Iterator[str]:
    """The frames of each of the kernel's sources, and what tests have taken and not given back."""
    for name, field in (("usable memory", "frames"), ("window for tables", "window_frames")):
        source = kernel()[field]
        taken, total = _range_source_use(source)
        if total:
            left = f"{total - taken} free of {total} ({size_text((total - taken) << PAGE_SHIFT)})"
            yield f"{name}: {taken} frames handed out, {left}"
        else:
            yield f"{name}: none"
    in_use = variable("frames_in_use")
    if in_use is not None:
        yield f"taken since the tests began and not given back: {int(in_use)} frames"


def test_lines() -> Iterator[str]:
    """The tests in progress, one inside another, from the outermost."""
    states, count = variable("states"), variable("state_count")
    if states is None or count is None:
        raise gdb.GdbError("this image runs no tests")
    if int(count) == 0:
        yield "no test is running"
    for depth in range(int(count)):
        test = states[depth]["test"].dereference()
        case, report = test["test_case"].dereference(), test["report"].dereference()
        inside = f"{'  ' * depth}inside it: " if depth else ""
        number, planned = int(report["number"]) + 1, int(report["tally"]["planned"])
        yield f"{inside}{_text(case['suite'])}.{_text(case['sentence'])}, {number} of {planned}"
        yield f"{'  ' * depth}  {_text(case['file'])}:{int(case['line'])}"
        tally = report["tally"]
        sofar = ", ".join(f"{int(tally[key])} {key}" for key in ("passed", "failed", "skipped"))
        now = "a check of it has failed" if bool(test["failed"]) else "no check of it has failed"
        yield f"{'  ' * depth}  {now}; before it {sofar}"


def size_text(length_bytes: int) -> str:
    """In the largest unit of which it is a multiple."""
    for unit, name in UNITS:
        if length_bytes and length_bytes % unit == 0:
            return f"{length_bytes // unit} {name}"
    return f"{length_bytes} bytes"


def _range_source_use(source: gdb.Value) -> tuple[int, int]:
    """Frames handed out, and frames in all."""
    count, position = int(source["range_count"]), int(source["range_index"])
    sizes = [int(source["ranges"][index]["frame_count"]) for index in range(count)]
    return sum(sizes[:position]) + int(source["frame_index"]), sum(sizes)


def _required(name: str) -> gdb.Value:
    value = variable(name)
    if value is None:
        raise gdb.GdbError(f"the image has no variable `{name}`")
    return value


def _memory_type(value: gdb.Value) -> str:
    """enum memory_type in words: MEMORY_BOOT_INFO is `boot info`."""
    words = str(value).removeprefix(TYPE_PREFIX).split("_")
    return " ".join(word if word in ABBREVIATIONS else word.lower() for word in words)


def _text(pointer: gdb.Value) -> str:
    return str(pointer.string(encoding="ascii", errors="backslashreplace"))
