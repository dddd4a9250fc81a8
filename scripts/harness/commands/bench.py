"""`bench`: a benchmark image, and what it says."""

from __future__ import annotations

import argparse
import sys

from harness.commands.require import require
from harness.host.script import EXIT_FAILURES, EXIT_OK, complain
from harness.machine.project import project
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_path
from harness.qemu.outcome import Outcome
from harness.verdict.verdict import EXIT_PASS

NOTES = ""
LIMIT_S = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = project().images.bench
    parser.add_argument("image", nargs="?", default=usual, metavar="IMAGE")


def run(options: argparse.Namespace) -> int:
    """The benchmark says on serial what it measured."""
    profile = project().machines[project().usual_machine]
    require(profile, options.image)
    path = image_path(profile, options.image)
    outcome = boot(command_line(profile, path), LIMIT_S, listener=_echo)
    good = outcome.status == EXIT_PASS
    return EXIT_OK if good else complain(ending(outcome), EXIT_FAILURES)


def ending(outcome: Outcome) -> str:
    """How a boot ended, in one line."""
    said = outcome.stderr.strip().splitlines()
    end = outcome.stop.value
    if outcome.status is not None:
        end = f"QEMU ended with status {outcome.status}"
    return f"{end} after {outcome.seconds:.1f} s{': ' + said[-1] if said else ''}"


def _echo(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
