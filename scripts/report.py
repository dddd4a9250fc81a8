#!/usr/bin/env python3
"""Makes one page of a test run, from pytest's JUnit file and the artefacts of its failures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from assay.project import PROJECT
from harness.host.script import run_script
from harness.host.whole_file import write_whole
from harness.machine.project import use
from harness.report.junit import JunitError, read_run
from harness.report.page import render

use(PROJECT)

EXIT_OK, EXIT_NOTHING, EXIT_ENVIRONMENT = 0, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: the page is there, whatever it says; 2: there is no run to show, or wrong use;
    3: something is missing on this host, or the page cannot be written."""
    build = PROJECT.build_directory
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--junit", type=Path, default=build / "junit.xml", metavar="FILE",
                        help="pytest's JUnit file (default: %(default)s); artefacts are beside it")
    parser.add_argument("--output", type=Path, default=build / "report" / "index.html",
                        metavar="FILE", help="the page (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        run = read_run(options.junit)
        page = render(run, options.junit.resolve().parent / "artifacts", options.output.resolve())
        options.output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(options.output, page)
    except JunitError as error:
        return complain(str(error), EXIT_NOTHING)
    except ImportError:
        return complain(f"jinja2 is missing (Debian package python3-jinja2; {PROJECT.setup})",
                        EXIT_ENVIRONMENT)
    except OSError as error:
        return complain(f"{error.filename or options.output}: {error.strerror}", EXIT_ENVIRONMENT)
    output = options.output.resolve()
    counts = ", ".join(f"{count} {name}" for name, count in run.counts.items() if count)
    print(f"{PROJECT.short(output)}: {counts or 'no test ran'}{'; ' if run.trouble else ''}{run.trouble}")
    return EXIT_OK


def complain(text: str, status: int) -> int:
    """One line for the user on standard error. *Returns:* status."""
    print(f"report: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    run_script(main)
