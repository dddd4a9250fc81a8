"""The console on a framebuffer, as a PC without a text screen shows it."""

from __future__ import annotations

import time
from pathlib import Path

from assay.machines import PROFILES
from harness.qemu.command_line import command_line, image_to_boot
from monitor_session import PROMPT, Session
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu
from screen_text import read_screen, wrapped

BANNER = "Assay: "
SCREEN_TRIES = 50
SCREEN_WAIT_S = 0.1


def test_the_screen_shows_what_the_serial_port_says(tmp_path: Path) -> None:
    profile = PROFILES["uefi"]
    socket, picture = tmp_path / "monitor", tmp_path / "screen.png"
    image = image_to_boot(profile, "assay")
    with Qemu(command_line(profile, image, extra=monitor_arguments(socket))) as qemu:
        assert qemu.read_until(PROMPT, profile.boot_limit_s), qemu.progress()
        said = bytes(qemu.serial).decode("ascii", errors="replace").replace("\r", "").split("\n")
        said = said[next(at for at, line in enumerate(said) if line.startswith(BANNER)) :]
        with Monitor(socket) as monitor:
            # The screen is written after the serial port, so the last rows may be on their way.
            for _ in range(SCREEN_TRIES):
                monitor.execute("screendump", filename=str(picture), format="png")
                screen = read_screen(picture)
                expected = wrapped(said, screen.columns)[-len(screen.rows) :]
                if screen.rows == expected:
                    break
                time.sleep(SCREEN_WAIT_S)
    assert screen.rows == expected


def test_its_pages_cannot_be_taken_away_from_the_prompt() -> None:
    with Session(profile="uefi") as session:
        answer = session.one("unmap framebuffer 4K")
        assert answer.startswith("refused: the screen is reached there")
        assert any("framebuffer" in line for line in session.ask("layout"))
