"""`screenshot`: the screen with the prompt."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.require import require
from harness.host.scratch import scratch_directory
from harness.host.script import EXIT_FAILURES, EXIT_OK, EXIT_USAGE, complain
from harness.machine.project import project
from harness.qemu.command_line import command_line, image_path
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor, MonitorError
from harness.qemu.process import Qemu

NOTES = ""

# The screen shows the prompt soon after the serial port has sent it.
SCREEN_WAIT_S = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    machines = project().machines
    # Those with firmware of a PC have a screen to look at.
    boots = [name for name in project().prompt.limits_s if machines[name].firmware.suffix == ".iso"]
    parser.add_argument("--boot", choices=boots, default=boots[0])
    parser.add_argument("png", type=Path, metavar="OUT.png")


def run(options: argparse.Namespace) -> int:
    """Boots the ISO, waits for the prompt and saves the screen."""
    normal, prompt = project().images.normal, project().prompt
    profile = project().machines[options.boot]
    require(profile, normal)
    picture: Path = options.png.absolute()
    if not picture.parent.is_dir():
        return complain(f"there is no directory {picture.parent}", EXIT_USAGE)
    with scratch_directory() as directory:
        path = Path(directory) / "monitor"
        image = image_path(profile, normal)
        try:
            with Qemu(command_line(profile, image, extra=monitor_arguments(path))) as qemu:
                if not qemu.read_until(prompt.text, prompt.limits_s[options.boot]):
                    text = f"'{prompt.text}' did not appear; {qemu.progress()}"
                    return complain(text, EXIT_FAILURES)
                qemu.listen(SCREEN_WAIT_S, SCREEN_WAIT_S)
                with Monitor(path) as monitor:
                    monitor.execute("screendump", filename=str(picture), format="png")
        except (MonitorError, ConnectionError) as error:
            return complain(f"no picture: {error}", EXIT_FAILURES)
    print(picture)
    return EXIT_OK
