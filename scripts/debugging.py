"""A test under gdb: the runner's command `debug`."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from boots import EXIT_FAILURES, EXIT_OK, complain
from kernel_tests import KernelTest
from machines import Profile, command_line, image_path
from qemu_process import Qemu
from verdict import Stop

DAY_S = 86400.0


def debug(tests: Sequence[KernelTest], profile: Profile, image: str, words: str) -> int:
    """Starts a stopped QEMU and gdb with it, or, without gdb or a terminal, tells how and waits.

    The serial log is shown as it comes. *Returns:* the runner's exit code.
    """
    path = image_path(profile, image)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with tempfile.TemporaryDirectory(prefix="assay-gdb-") as directory:
        socket = Path(directory) / "gdb"
        extra = ("-S", "-gdb", f"unix:{socket},server=on,wait=off")
        command = gdb_command(path.with_suffix(".elf"), socket, tests)
        serial = Path(directory) / "serial.log"
        if terminal and shutil.which(command[0]):
            print(f"serial log: {serial}\nAt gdb's prompt `continue` goes to the test.", flush=True)
            qemu = command_line(profile, path, words, serial=f"file:{serial}", extra=extra)
            return _with_gdb(qemu, command, serial)
        return _without_gdb(command_line(profile, path, words, extra=extra), command)


def gdb_command(symbols: Path, socket: Path, tests: Sequence[KernelTest]) -> list[str]:
    """gdb, connected, with a breakpoint where the test begins if it is one test.

    The breakpoint is the CPU's own kind: it may be set before there is memory to set it in.
    """
    command = ["gdb", "-q", str(symbols), "-ex", f"target remote {socket}"]
    if len(tests) == 1:
        command += ["-ex", f"hbreak {tests[0].function}"]
    return command


def _with_gdb(qemu_command: list[str], command: list[str], serial: Path) -> int:
    """Gives the terminal to gdb until it ends; Ctrl-C is for gdb."""
    with Qemu(qemu_command) as qemu:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            # A child does not inherit a handler, but it does inherit that a signal is ignored.
            subprocess.run(command, check=False, restore_signals=True, preexec_fn=_heed_interrupts)
        finally:
            signal.signal(signal.SIGINT, previous)
        said = qemu.stderr.decode(errors="replace").strip()
    if serial.is_file():
        sys.stdout.write(serial.read_text(errors="backslashreplace"))
    return complain(said, EXIT_FAILURES) if said else EXIT_OK


def _without_gdb(qemu_command: list[str], command: list[str]) -> int:
    """Tells the commands, then shows the serial log until QEMU ends or Ctrl-C."""
    with Qemu(qemu_command, listener=_echo) as qemu:
        print(f"QEMU waits, stopped: {shlex.join(qemu_command)}")
        print(f"In another terminal: {shlex.join(command)}")
        print("Ctrl-C ends it.", flush=True)
        stop = qemu.listen(DAY_S, DAY_S)
        said = qemu.stderr.decode(errors="replace").strip()
        status = qemu.outcome(stop).status
    if stop is Stop.EXITED and said:
        return complain(said, EXIT_FAILURES)
    print(f"QEMU ended with status {status}", flush=True)
    return EXIT_OK


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _echo(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
