"""`debug`: a stopped QEMU, and gdb."""

from __future__ import annotations

import argparse

from harness.commands.arguments import add_append, add_machine, port
from harness.commands.require import require
from harness.debugger.session import debug
from harness.host.script import EXIT_USAGE, complain
from harness.machine.project import project
from harness.qemu.drawn_machine import machine_named
from harness.suite.kernel_tests import matching, name_at, read_test_image

NOTES = """\
QEMU waits before the first instruction. With gdb and a terminal, gdb starts with the symbols, the
kernel's own commands and a breakpoint: where the test begins, or without one test where
the kernel is up. Otherwise the command for gdb is printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    name = "its name, FILE:LINE, or with * and ? several; without, the normal image is booted"
    parser.add_argument("glob", nargs="?", metavar="TEST", help=name)
    parser.add_argument(
        "--listen", type=port, metavar="PORT",
        help="wait on this TCP port for a debugger instead of starting gdb",
    )
    add_machine(parser, "the machine, if not the one on which the test has its own boot")
    parser.set_defaults(image=None)
    add_append(parser)


def run(options: argparse.Namespace) -> int:
    """Of a test, or of the kernel without one."""
    if options.glob is None:
        profile = machine_named(options.profile or project().debug_machine)
        image, words = options.image or project().images.normal, options.append
        stop_at = project().entry
    else:
        image = options.image or project().images.tests
        glob = name_at(read_test_image(image), options.glob)
        tests = matching(read_test_image(image), glob)
        if not tests:
            return complain(f"no test is called {glob}; `list` shows all", EXIT_USAGE)
        profile = machine_named(options.profile) if options.profile else tests[0].home
        words = f"test={glob} {options.append}".strip()
        stop_at = tests[0].function if len(tests) == 1 else project().entry
    require(profile, image)
    return debug(profile, image, words, stop_at, options.listen)
