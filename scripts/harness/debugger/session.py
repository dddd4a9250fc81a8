"""An image under gdb: the runner's command `debug`."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.host.scratch import scratch_directory
from harness.host.script import EXIT_FAILURES, EXIT_OK, complain
from harness.machine.profile import Profile
from harness.machine.project import project
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.connection import gdb_arguments
from harness.qemu.outcome import Outcome, Stop
from harness.qemu.process import Qemu

DAY_S = 86400.0
# QEMU's last words come at once; this is how long they may take.
LAST_WORDS_S = 0.2
GDB_STUB_S = 20.0
LOOK_S = 0.02
# What QEMU says when gdb's `kill` or `quit` has ended it, as it should.
ENDED_BY_GDB = "Terminated via GDBstub"


def debug(profile: Profile, image: str, words: str, stop_at: str, port: int | None = None) -> int:
    """Starts a stopped QEMU and gdb with it, or, without gdb or a terminal, tells how and waits.

    stop_at: the function at which gdb has a breakpoint. port: of TCP, on which to wait for a
    debugger that something else starts. *Returns:* the runner's exit code.
    """
    path = image_to_boot(profile, image)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with scratch_directory() as directory:
        socket = Path(directory) / "gdb"
        tcp = ("-gdb", f"tcp:localhost:{port},server=on,wait=off")
        extra = ("-S", *(gdb_arguments(socket) if port is None else tcp))
        target = str(socket) if port is None else f"localhost:{port}"
        command = gdb_command(path.with_suffix(".elf"), target, stop_at)
        serial = Path(directory) / "serial.log"
        if terminal and port is None and shutil.which(command[0]):
            print(f"serial log: {serial}\nAt gdb's prompt `continue` goes to {stop_at};", end=" ")
            print(f"`help {project().name}` lists the commands for page tables.", flush=True)
            qemu = command_line(profile, path, words, serial=f"file:{serial}", extra=extra)
            return _with_gdb(qemu, command, socket, serial)
        return _without_gdb(command_line(profile, path, words, extra=extra), command)


def gdb_command(symbols: Path, target: str, stop_at: str) -> list[str]:
    """gdb, connected, with a breakpoint.

    It is the CPU's own kind: it may be set before there is memory to set it in.
    """
    command = ["gdb", "-q", str(symbols), "-x", str(project().root / project().gdb_commands)]
    return command + ["-ex", f"target remote {target}", "-ex", f"hbreak {stop_at}"]


def _with_gdb(qemu_command: list[str], command: list[str], socket: Path, serial: Path) -> int:
    """Gives the terminal to gdb until it ends; Ctrl-C is for gdb."""
    with Qemu(qemu_command) as qemu:
        if not _stub_is_there(qemu, socket):
            return complain(f"there is no gdb stub: {qemu.last_words()}", EXIT_FAILURES)
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            # A child does not inherit a handler, but it does inherit that a signal is ignored.
            subprocess.run(command, check=False, restore_signals=True, preexec_fn=_heed_interrupts)
        finally:
            signal.signal(signal.SIGINT, previous)
        stop = qemu.listen(LAST_WORDS_S, LAST_WORDS_S)
        fault = _fault(qemu, qemu.outcome(stop))
    if serial.is_file():
        sys.stdout.write(serial.read_text(errors="backslashreplace"))
    return complain(fault, EXIT_FAILURES) if fault else EXIT_OK


def _fault(qemu: Qemu, outcome: Outcome) -> str:
    """QEMU's last words if it has ended by a fault; "" if gdb, the kernel or the runner ended it."""
    said = outcome.stderr.strip()
    if outcome.status is None or said.endswith(ENDED_BY_GDB):
        return ""
    return qemu.last_words() if said or outcome.status < 0 else ""


def _stub_is_there(qemu: Qemu, socket: Path) -> bool:
    """Waits until gdb can connect. False: QEMU has ended, or is too slow."""
    deadline = time.monotonic() + GDB_STUB_S
    while not socket.exists() and time.monotonic() < deadline:
        if qemu.listen(LOOK_S, LOOK_S) is Stop.EXITED:
            return False
    return socket.exists()


def _without_gdb(qemu_command: list[str], command: list[str]) -> int:
    """Tells the commands, then shows the serial log until QEMU ends or Ctrl-C."""
    with Qemu(qemu_command, listener=_echo) as qemu:
        print(f"QEMU waits, stopped: {shlex.join(qemu_command)}")
        print(f"In another terminal: {shlex.join(command)}")
        print("Ctrl-C ends it.", flush=True)
        stop = qemu.listen(DAY_S, DAY_S)
        outcome = qemu.outcome(stop)
        fault = _fault(qemu, outcome)
    if fault:
        return complain(fault, EXIT_FAILURES)
    print(f"QEMU ended with status {outcome.status}", flush=True)
    return EXIT_OK


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _echo(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
