"""`run`: the normal image, for people."""

from __future__ import annotations

import argparse
import dataclasses

from harness.commands.arguments import add_append, positive
from harness.commands.require import require
from harness.machine.project import project
from harness.qemu.command_line import command_line, image_path
from harness.terminal.running import run_kernel
from harness.terminal.terminal import is_attended

NOTES = """\
On a terminal the kernel ends in a prompt, which `exit` or Ctrl-T X leaves; else QEMU ends after
the demonstration, and under a time limit. How the kernel ended is told, unless it was with success."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    boots = tuple(project().prompt.limits_s)
    parser.add_argument("--boot", choices=boots, default=boots[0])
    parser.add_argument("--display", choices=("none", "window"), default="none")
    parser.add_argument("--once", action="store_true", help="end after the demonstration")
    parser.add_argument("--memory", default="256M", metavar="SIZE")
    parser.add_argument("--cpu", default="max", metavar="MODEL")
    parser.add_argument("--cpus", type=positive, default=1, metavar="N", help="of which it uses one")
    add_append(parser)


def run(options: argparse.Namespace) -> int:
    """On the terminal if there is one, else the demonstration once, under a time limit."""
    normal, prompt = project().images.normal, project().prompt
    machine = project().machines[options.boot]
    profile = dataclasses.replace(machine, memory=options.memory, cpu=options.cpu)
    require(profile, normal)
    once = prompt.once if options.once or not is_attended() else ""
    image = image_path(profile, normal)
    command = command_line(
        profile,
        image,
        f"{once} {options.append}".strip(),
        display=("-display", "none" if options.display == "none" else "gtk"),
        extra=("-smp", str(options.cpus)),
    )
    return run_kernel(command, profile, image.with_suffix(".elf"), prompt.limits_s[options.boot])
