"""`profiles`: the table of machines."""

from __future__ import annotations

import argparse

from harness.host.script import EXIT_OK
from harness.machine.profile import names
from harness.machine.project import project

NOTES = """\
Choose one with: test --profile NAME. matrix-NUMBER is a machine that the number draws."""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None."""


def run(_: argparse.Namespace) -> int:
    """Each machine."""
    for profile in project().machines.values():
        print(f"{profile.name}: {profile.sentence}")
        accelerator = f"-accel {profile.accelerator} " if profile.accelerator else ""
        print(f"    {accelerator}-M {profile.machine} -cpu {profile.cpu} -m {profile.memory}")
        print(f"    firmware: {profile.firmware.value}; provides {names(profile.provides)}")
    return EXIT_OK
