"""`map`: pictures of page tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.arguments import add_append, profile_name
from harness.commands.require import require
from harness.host.script import EXIT_FAILURES, EXIT_OK, EXIT_USAGE, complain
from harness.image.test_records import KernelTest
from harness.machine.project import project
from harness.pages.boot_map import MapError, map_kernel, map_test
from harness.pages.snapshot import DumpError
from harness.qemu.drawn_machine import machine_named
from harness.suite.kernel_tests import matching, read_test_image

NOTES = """\
Writes a dump (JSON), a picture (SVG) and a page that shows the walk of any address (HTML). Of a
test, the tables before and after it are compared. docs/pictures.md explains what is shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "test", nargs="?", metavar="TEST", help="its name; without it, the normal image"
    )
    parser.add_argument(
        "--profile", type=profile_name, metavar="PROFILE", help="the machine"
    )
    parser.add_argument(
        "--at", default="", metavar="FUNCTION", help="stop when the test first calls this one"
    )
    parser.add_argument(
        "--output", type=Path, default=project().build_directory / "map", metavar="DIRECTORY"
    )
    add_append(parser)


def run(options: argparse.Namespace) -> int:
    """Of the kernel after its demonstration, or of a test."""
    if options.at and not options.test:
        return complain("--at needs a test", EXIT_USAGE)
    test: KernelTest | None = None
    if options.test:
        found = matching(read_test_image(), options.test)
        if len(found) != 1:
            text = f"{len(found)} tests are called {options.test}; `list` shows all"
            return complain(text, EXIT_USAGE)
        test = found[0]
    images = project().images
    name = options.profile or (test.home.name if test else project().usual_machine)
    profile, image = machine_named(name), images.tests if test else images.normal
    require(profile, image)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        if test:
            files = map_test(test, profile, image, options.append, options.at, options.output)
        else:
            files = map_kernel(profile, image, options.append, project().prompt.text, options.output)
    except (MapError, DumpError) as error:
        return complain(str(error), EXIT_FAILURES)
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}", EXIT_FAILURES)
    for path in files:
        print(path)
    return EXIT_OK
