"""The page tables of a boot, drawn: the runner's command `map`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.host.scratch import scratch_directory
from harness.image.symbols import addresses_of
from harness.image.test_records import KernelTest
from harness.machine.profile import Profile
from harness.machine.project import project
from harness.pages.pictures import write_pictures
from harness.pages.snapshot import Snapshot, kernel_snapshot, save
from harness.qemu.command_line import command_line, image_path, image_to_boot
from harness.qemu.connection import gdb_arguments, monitor_arguments
from harness.qemu.gdb_stub import GdbStub, StubError
from harness.qemu.monitor import Monitor, MonitorError
from harness.qemu.outcome import Stop
from harness.qemu.process import Qemu

KERNEL = "kernel"
SILENCE_S = 1.0
POLL_S = 0.1


class MapError(Exception):
    """There is nothing to draw. One line says why."""


def map_kernel(profile: Profile, image: str, words: str, ends: str, where: Path) -> list[Path]:
    """Draws the tables of the kernel as it stands after its demonstration: see kernel_tables.

    *Returns:* the files written. Raises MapError.
    """
    dump = where / f"{KERNEL}.json"
    save(kernel_tables(profile, image, words, ends), dump)
    return [dump, *write_pictures([dump], where / KERNEL)]


def map_test(
    test: KernelTest, profile: Profile, image: str, words: str, at: str, where: Path
) -> list[Path]:
    """Draws the tables as a test leaves them, compared with those before it: see test_tables.

    *Returns:* the files written. Raises MapError.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", test.name)
    before, after = where / f"{stem}.before.json", where / f"{stem}.json"
    for snapshot, path in zip(test_tables(test, profile, image, words, at), (before, after)):
        save(snapshot, path)
    return [before, after, *write_pictures([before, after], where / stem)]


def kernel_tables(
    profile: Profile, image: str, words: str, ends: str, at: str = ""
) -> Snapshot:
    """The tables of the kernel as it stands after its demonstration. Raises MapError.

    ends: what it says last; a kernel that does not get there is read where it falls silent.
    at: a function at whose first call to stop instead; "" for none.
    """
    elf = _elf(profile, image)
    stops = _addresses(elf, at) if at else []
    title = _title(f"{image} on {profile.name}", profile, words)
    with _stopped(profile, image, words) as (qemu, monitor, stub):
        if stops:
            missed = f"the kernel does not come to {at}"
            _run_to(stub, qemu, monitor, stops, profile.boot_limit_s, missed)
            return kernel_snapshot(monitor.human, f"{title}, at {at}", elf)
        stub.go_on()
        # Firmware may be silent for long, the kernel is not.
        if not qemu.read_until(project().prompt.banner, profile.boot_limit_s):
            raise MapError(f"the kernel did not start: {qemu.progress()}")
        qemu.listen(profile.boot_limit_s, SILENCE_S, until=ends.encode())
        monitor.execute("stop")
        return kernel_snapshot(monitor.human, title, elf)


def test_tables(
    test: KernelTest, profile: Profile, image: str, words: str, at: str
) -> tuple[Snapshot, Snapshot]:
    """The tables before a test, and as it leaves them. Raises MapError.

    at: a function at whose first call in the test to stop instead; "" for none.
    """
    elf = _elf(profile, image)
    start, stops = _addresses(elf, test.function), _addresses(elf, at) if at else []
    all_words = f"test={test.name} {words}".strip()
    title = _title(f"{test.name} on {profile.name}", profile, words)
    with _stopped(profile, image, all_words) as (qemu, monitor, stub):
        _run_to(stub, qemu, monitor, start, profile.boot_limit_s, "the test does not begin")
        before = kernel_snapshot(monitor.human, f"{title}, before", elf)
        stops = stops or [_return_address(monitor)]
        place = f"at {at}" if at else "at its end"
        missed = f"the test does not come to {at}, which may be inlined" if at else ""
        if not _run_to(stub, qemu, monitor, stops, test.timeout_s, missed):
            place = "where it ended without a return"
        return before, kernel_snapshot(monitor.human, f"{title}, {place}", elf)


@contextmanager
def _stopped(
    profile: Profile, image: str, words: str
) -> Iterator[tuple[Qemu, Monitor, GdbStub]]:
    """A machine before its first instruction, with its monitor and gdb stub. The kernel cannot end
    it, but stands still at its end."""
    with scratch_directory() as scratch:
        sockets = Path(scratch) / "monitor", Path(scratch) / "gdb"
        extra = ("-S", "-no-shutdown", *monitor_arguments(sockets[0]),
                 *gdb_arguments(sockets[1]))
        path = image_to_boot(profile, image)
        command = command_line(profile, path, words, debug_exit=False, extra=extra)
        try:
            with Qemu(command) as qemu:
                _wait_for(sockets, qemu, profile.boot_limit_s)
                with Monitor(sockets[0]) as monitor, GdbStub(sockets[1]) as stub:
                    yield qemu, monitor, stub
        except (MonitorError, StubError, ConnectionError) as error:
            raise MapError(str(error)) from None


def _wait_for(sockets: tuple[Path, Path], qemu: Qemu, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not all(path.exists() for path in sockets):
        if qemu.listen(POLL_S / 10, POLL_S) is Stop.EXITED or time.monotonic() > deadline:
            raise MapError(f"QEMU did not start: {qemu.progress()}")


def _addresses(elf: Path, function: str) -> list[int]:
    """Where a function of the image is, which is MapError if it has none of that name."""
    found = addresses_of(elf, function)
    if not found:
        raise MapError(f"{elf} has no function {function}; it may be inlined where it is called")
    return found


def _run_to(
    stub: GdbStub, qemu: Qemu, monitor: Monitor, addresses: Sequence[int], limit_s: float,
    missed: str,
) -> bool:
    """Runs the machine to one of the addresses. False: it came to its end elsewhere.

    missed: if not empty, what to say in a MapError then.
    """
    for address in addresses:
        stub.break_at(address)
    stub.go_on()
    deadline = time.monotonic() + limit_s
    halted = False
    while not stub.stopped(POLL_S):
        qemu.listen(POLL_S / 10, POLL_S / 10)
        # Halted twice in a row, it halts for good.
        was_halted, halted = halted, "HLT=1" in monitor.human("info registers")
        if was_halted and halted or time.monotonic() > deadline:
            if missed:
                raise MapError(f"{missed}: {qemu.progress()}")
            monitor.execute("stop")
            return False
    for address in addresses:
        stub.clear(address)
    return True


def _return_address(monitor: Monitor) -> int:
    """Where the function at whose first instruction the machine stands will return to."""
    pointer = re.search(r"\bRSP=([0-9a-f]+)", monitor.human("info registers"))
    answer = monitor.human(f"x /1gx 0x{pointer[1]}") if pointer else ""
    word = re.search(r": 0x([0-9a-f]+)", answer)
    if word is None:
        raise MapError(f"the stack cannot be read: {answer.strip()}")
    return int(word[1], 16)


def _elf(profile: Profile, image: str) -> Path:
    return image_path(profile, image).with_suffix(".elf")


def _title(text: str, profile: Profile, words: str) -> str:
    told = " ".join(part for part in (profile.words, words) if part)
    return f"{text}, {told}" if told else text
