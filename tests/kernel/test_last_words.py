"""When QEMU ends early, whoever talks to it tells how, in QEMU's own words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import qemu_runner
from assay.machines import PROFILES
from harness.pages.boot_map import MapError, kernel_tables
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.gdb_stub import GdbStub
from monitor_session import LIMIT_S, PROMPT
from assay.second_opinion import OpinionError, compare
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu, QemuEnded

WORDS = "qemu: there is no room for a machine today"
PROFILE = PROFILES["fast"]


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU that refuses to start."""
    script = tmp_path / "qemu"
    script.write_text(f"#!/bin/sh\necho '{WORDS}' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("QEMU", str(script))


COMMANDS = [
    ("run", 3), ("run --boot uefi --display window", 3), ("test map_to.*", 3), ("debug", 1),
    ("debug --listen 1", 1), ("bench", 1), ("screenshot {}/x.png", 1), ("map --output {}", 1),
]


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize(("command", "status"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_each_command_tells_why_qemu_did_not_start(
    tmp_path: Path, command: str, status: int
) -> None:
    words = [word.format(tmp_path) for word in command.split()]
    result = subprocess.run(
        [sys.executable, qemu_runner.__file__, *words], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
    )
    assert result.returncode == status, result.stdout
    assert WORDS in result.stdout and "Traceback" not in result.stdout


@pytest.mark.usefixtures("refusing")
def test_pictures_and_the_second_opinion_tell_it_too() -> None:
    with pytest.raises(MapError, match=WORDS):
        kernel_tables(PROFILE, "assay", "", PROMPT)
    with pytest.raises(OpinionError, match=WORDS):
        compare(PROFILE, "", lambda claims, ask: None)


def test_a_qemu_that_dies_while_it_is_asked_is_told(tmp_path: Path) -> None:
    monitor_socket, stub_socket = tmp_path / "monitor", tmp_path / "gdb"
    gdb = ("-S", "-gdb", f"unix:{stub_socket},server=on,wait=off")
    extra = (*monitor_arguments(monitor_socket), *gdb)
    command = command_line(PROFILE, image_to_boot(PROFILE, "assay"), extra=extra)
    ends = ((signal.SIGTERM, "terminating on signal 15"), (signal.SIGKILL, "status -9"))
    for end, told in ends:
        monitor_socket.unlink(missing_ok=True)
        with pytest.raises(QemuEnded, match=told):
            with Qemu(command) as qemu:
                wait_for(monitor_socket)
                with Monitor(monitor_socket) as monitor:
                    os.kill(qemu.pid, end)
                    while True:
                        monitor.human("info status")
        stub_socket.unlink(missing_ok=True)
        with pytest.raises(QemuEnded, match=told):
            with Qemu(command) as qemu:
                wait_for(stub_socket)
                with GdbStub(stub_socket) as stub:
                    os.kill(qemu.pid, end)
                    while True:
                        stub.break_at(0x1000)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("refusing")
def test_a_connection_that_cannot_be_made_is_told_by_qemus_words(tmp_path: Path) -> None:
    with pytest.raises(QemuEnded, match=WORDS):
        with Qemu([os.environ["QEMU"]]):
            Monitor(tmp_path / "monitor")
    with pytest.raises(QemuEnded, match=WORDS):
        with Qemu([os.environ["QEMU"]]):
            GdbStub(tmp_path / "gdb")


def test_an_error_that_has_nothing_to_do_with_qemus_end_stays_what_it_is(tmp_path: Path) -> None:
    command = command_line(PROFILE, image_to_boot(PROFILE, "assay"))
    with pytest.raises(FileNotFoundError):
        with Qemu(command):
            Monitor(tmp_path / "monitor")
    with pytest.raises(ZeroDivisionError):
        with Qemu(["false"]):
            time.sleep(0.1)
            raise ZeroDivisionError
