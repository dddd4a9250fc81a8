"""`list`: the tests of an image, without a boot."""

from __future__ import annotations

import argparse

from harness.commands.arguments import add_image
from harness.host.script import EXIT_OK, EXIT_USAGE, complain
from harness.machine.profile import names
from harness.suite.kernel_tests import matching, read_test_image

NOTES = """\
Read from the image, without a boot."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("glob", nargs="?", default="*", metavar="GLOB", help="by name")
    add_image(parser)


def run(options: argparse.Namespace) -> int:
    """Each test, its machine, where its source is, and what it requires."""
    tests = matching(read_test_image(options.image), options.glob)
    if not tests:
        return complain(f"no test is called {options.glob}", EXIT_USAGE)
    width = max(len(test.name) for test in tests)
    for test in tests:
        needs = f"  requires {names(test.requires)}" if test.requires else ""
        tags = f"  tags {', '.join(test.tags)}" if test.tags else ""
        known = f"  known to fail: {test.expect_failure}" if test.expect_failure else ""
        place = f"{test.file}:{test.line}"
        print(f"{test.name:{width}}  {test.home.name:6}  {place}{needs}{tags}{known}")
    return EXIT_OK
