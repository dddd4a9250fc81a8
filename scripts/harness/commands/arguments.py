"""Arguments that several commands take, and the kinds of their values."""

from __future__ import annotations

import argparse
import os

from harness.machine.project import project

SEED_END = 1 << 64


def add_append(parser: argparse.ArgumentParser) -> None:
    help_text = "more words for the kernel's command line"
    parser.add_argument("--append", default="", metavar="WORDS", help=help_text)


def add_jobs(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--jobs", type=positive, default=cores, metavar="N", help="boots at a time"
    )


def add_machine(parser: argparse.ArgumentParser, help_text: str) -> None:
    parser.add_argument("--profile", type=profile_name, metavar="PROFILE", help=help_text)
    add_image(parser)


def add_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", default=project().images.tests, help="of the build directory, if not the usual one"
    )


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def profile_name(text: str) -> str:
    # Only what names a machine has to know how they are drawn.
    from harness.qemu.drawn_machine import is_machine

    if not is_machine(text):
        raise argparse.ArgumentTypeError(f"no machine is called {text!r}; `profiles` shows all")
    return text


def port(text: str) -> int:
    value = int(text)
    if not 0 < value < 1 << 16:
        raise argparse.ArgumentTypeError("must be 1 to 65535")
    return value


def seed(text: str) -> int:
    value = int(text, 0)
    if not 0 <= value < SEED_END:
        raise argparse.ArgumentTypeError("must fit in 64 bits")
    return value
