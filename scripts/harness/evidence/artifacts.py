"""What is kept of a boot that failed, in build/artifacts/<profile>-<test>/.

The failed boot leaves its serial log, its verdict and its command line. What QEMU knows at the end
of a boot is gone with QEMU, so the boot is repeated once with a monitor and without the device by
which the kernel ends QEMU: the kernel then stands still where it failed. That second boot serves
only to look at; its verdict does not count and is not made.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from harness.host.scratch import scratch_directory
from harness.image.source_lines import SourceLines
from harness.machine.profile import TCG, Profile
from harness.machine.project import build_directory, project
from harness.pages import snapshot as page_snapshot
from harness.pages.pictures import write_pictures
from harness.pages.snapshot import kernel_snapshot
from harness.qemu.command_line import command_line, image_path
from harness.qemu.connection import monitor_arguments
from harness.qemu.cpu_log import triple_fault
from harness.qemu.monitor import Monitor, MonitorError
from harness.qemu.outcome import Outcome, Stop
from harness.qemu.process import Qemu
from harness.qemu.watched import WATCHED, WatchedQemu
from harness.verdict.ktap import last_result, panic_line
from harness.verdict.verdict import Verdict

# A run that fails everywhere needs no more than this many second boots (in one process).
REPEATS_MAX = 10
# Larger machines leave no core.
CORE_MEMORY = {"16M", "64M", "128M", "256M"}
CORE = "guest.core"
TABLES = "page-tables"
BACKTRACES = "backtrace.txt"
SETTLE_S = 0.2
SPARSE_BLOCK = 1 << 16

_counter = itertools.count()


@dataclass(frozen=True)
class Boot:
    """What was booted. words: all of the kernel's command line but the profile's own words."""

    profile: Profile
    image: str
    words: str
    label: str
    runner_arguments: tuple[str, ...] = ()

    def command(self, subcommand: str) -> str:
        """The runner's command line that does it again."""
        settings = [f"{name}={os.environ[name]}" for name in (project().build_variable, "ACCEL", "QEMU")
                    if name in os.environ]
        runner = [project().runner, subcommand, *self.runner_arguments]
        return shlex.join([*settings, *runner])


def directory_of(label: str) -> Path:
    return build_directory() / "artifacts" / re.sub(r"[^A-Za-z0-9._-]", "_", label)


def keep(verdict: Verdict, boot: Boot) -> Verdict:
    """Keeps the evidence of a failure. *Returns:* the verdict, with notes on where and how again.

    Whatever goes wrong with the evidence is told in a note: it never hides the failure itself.
    """
    notes = [f"again: {boot.command('test')}", f"under gdb: {boot.command('debug')}"]
    final = directory_of(boot.label)
    # Two runs may keep the same failure at once: each makes its own directory, the last one stays.
    draft = final.parent / f".{final.name[:100]}.{os.getpid()}.{threading.get_ident()}"
    try:
        draft.mkdir(parents=True)
        (draft / "serial.log").write_bytes(verdict.outcome.serial)
        if verdict.places:
            (draft / BACKTRACES).write_text("\n".join(verdict.places.values()) + "\n")
        (draft / "command.txt").write_text(shlex.join(verdict.outcome.command) + "\n")
        if not verdict.environment_at_fault:
            notes += _repeat(draft, boot, verdict.outcome)
        told = "\n".join((verdict.message, *notes)) + "\n"
        (draft / "verdict.txt").write_text(told, encoding="utf-8")
        kept = ", ".join(sorted(path.name for path in draft.iterdir()))
        _replace(draft, final)
        if (final / CORE).exists():
            elf = image_path(boot.profile, boot.image).with_suffix(".elf")
            commands = ["gdb", "-x", str(project().gdb_commands), project().short(elf), project().short(final / CORE)]
            core = shlex.join(commands)
            notes.append(f"the second boot's end in gdb: {core}")
        if (final / f"{TABLES}.html").exists():
            notes.append(f"the second boot's page tables: {project().short(final / TABLES)}.html")
        notes.insert(0, f"artefacts: {project().short(final)}/ ({kept})")
    except OSError as error:
        where = error.filename or final
        notes.insert(0, f"artefacts could not be kept: {error.strerror}: {where}")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return replace(verdict, notes=tuple(notes))


def _replace(draft: Path, final: Path) -> None:
    """Puts a directory in another's place."""
    for _ in range(10):
        shutil.rmtree(final, ignore_errors=True)
        try:
            draft.rename(final)
            return
        except OSError as error:
            last = error
    raise last


def _repeat(directory: Path, boot: Boot, first: Outcome) -> list[str]:
    """The second boot. *Returns:* notes on it."""
    if next(_counter) >= REPEATS_MAX:
        return [f"no second boot for more evidence: {REPEATS_MAX} others have had one"]
    image = image_path(boot.profile, boot.image)
    with scratch_directory() as scratch:
        socket = Path(scratch) / "monitor"
        extra = monitor_arguments(socket)
        command = command_line(boot.profile, image, boot.words, debug_exit=False, extra=extra)
        again = shlex.join([*command, *WATCHED])
        (directory / "repeat.txt").write_text(f"{REPEAT_TEXT}\n{again}\n")
        try:
            with WatchedQemu(command) as qemu:
                _run_as_far(qemu, first)
                serial = bytes(qemu.serial)
                (directory / "repeat-serial.log").write_bytes(serial)
                with Monitor(socket) as monitor:
                    _look(monitor, directory, boot.profile, first.stop is Stop.FLOOD)
                    tables = _keep_tables(monitor, directory, boot.label, image.with_suffix(".elf"))
                log = qemu.log()
        except (MonitorError, ConnectionError, FileNotFoundError, ValueError) as error:
            return [f"the second boot gave no more evidence: {error}"]
    notes = tables + _difference(first.serial, serial)
    fault = triple_fault(log)
    if fault is not None:
        with SourceLines(image.with_suffix(".elf")) as source:
            place = fault.place(source.describe)
        notes.append("\n  ".join((f"second boot: a triple fault at {place}", *fault.lines())))
    elif first.status == 0 and boot.profile.runs_on == TCG:
        notes.append("second boot: no triple fault; the guest itself asked for the reset")
    return notes


REPEAT_TEXT = """\
All files here but serial.log, backtrace.txt, verdict.txt and command.txt are of a second boot, made after the
failure to look at the machine at its end. Its verdict does not count. It was without the device by
which the kernel ends QEMU, and was stopped as soon as it had said as much as the first boot.
"""


CR4_LA57 = 1 << 12
# There QEMU 7.2 takes absent entries of levels 3 and 2 for present ones and walks on for minutes.
NO_INFO_MEM = "QEMU's `info mem` is of no use with five levels; page-tables.txt tells the same.\n"


def _run_as_far(qemu: Qemu, first: Outcome) -> None:
    """Until the machine has said as much as the first time, or its time is over."""
    wanted = min(len(first.serial), 1 << 16)
    deadline = time.monotonic() + 2 * (first.seconds - first.quiet_s) + 2
    while len(qemu.serial) < wanted and time.monotonic() < deadline:
        if qemu.listen(SETTLE_S, SETTLE_S) in (Stop.EXITED, Stop.GAVE_UP, Stop.DOWN):
            return
    qemu.listen(SETTLE_S, SETTLE_S)


def _look(monitor: Monitor, directory: Path, profile: Profile, flood: bool) -> None:
    """Writes down what the monitor knows of the machine."""
    monitor.execute("stop")
    registers = monitor.human("info registers")
    (directory / "registers.txt").write_text(registers)
    cr4 = re.search(r"\bCR4=([0-9a-f]+)", registers)
    five_levels = cr4 is not None and int(cr4[1], 16) & CR4_LA57
    mapped = NO_INFO_MEM if five_levels else monitor.human("info mem")
    (directory / "mem.txt").write_text(mapped)
    (directory / "tlb.txt").write_text(monitor.human("info tlb"))
    if profile.vga:
        picture = str(directory / "screen.png")
        monitor.execute("screendump", filename=picture, format="png")
    if profile.memory in CORE_MEMORY and not flood:
        core = directory / CORE
        # With the guest's own addresses, so that gdb finds them as the kernel does.
        monitor.execute("dump-guest-memory", paging=True, protocol=f"file:{core}")
        _make_sparse(core)


def _keep_tables(monitor: Monitor, directory: Path, label: str, elf: Path) -> list[str]:
    """Writes down the page tables, and draws them. *Returns:* a note if that cannot be."""
    stem = directory / TABLES
    try:
        snapshot = kernel_snapshot(monitor.human, f"{label}, at its end", elf)
        stem.with_suffix(".txt").write_text(snapshot.ranges())
        page_snapshot.save(snapshot, stem.with_suffix(".json"))
        write_pictures([stem.with_suffix(".json")], stem)
    except page_snapshot.DumpError as error:
        return [f"second boot: no page tables: {error}"]
    except ImportError as error:
        return [f"second boot: the page tables are not drawn: {error}"]
    return []


def _make_sparse(path: Path) -> None:
    """Leaves out the blocks of zeros, of which an idle machine's memory mostly consists."""
    with path.open("r+b") as file:
        offset = 0
        copy = path.with_suffix(".sparse")
        with copy.open("wb") as sparse:
            while block := file.read(SPARSE_BLOCK):
                offset += len(block)
                if block.count(0) == len(block):
                    sparse.seek(offset)
                else:
                    sparse.write(block)
            sparse.truncate(offset)
    copy.replace(path)


def _difference(first: bytes, second: bytes) -> list[str]:
    """A note if the second boot went another way: then the failure comes and goes."""
    ways = [(last_result(serial), panic_line(serial)) for serial in (first, second)]
    if ways[0] == ways[1]:
        return []
    result, panic = ways[1]
    told = f"its last result is {result!r}" + (f", and it says '{panic}'" if panic else "")
    return [f"second boot: it went another way than the first: {told}"]
