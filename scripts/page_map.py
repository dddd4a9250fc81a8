#!/usr/bin/python3
"""Draws page tables from a dump (page-tables.json), or compares two dumps.

Writes an SVG and an HTML page that shows the walk of any address. docs/pictures.md describes the
dump, which a failed test leaves and `qemu_runner.py map` writes.

Exit codes: 0 drawn; 2 wrong use or no dump; 3 the environment is at fault.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.host.script import run_script
from harness.pages.pictures import write_pictures
from harness.pages.snapshot import DumpError

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXAMPLES = """\
examples:
  page_map.py build/map/kernel.json
  page_map.py before.json after.json -o build/map/compared"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="page_map.py", description=__doc__, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dump", type=Path, metavar="DUMP.json")
    parser.add_argument("later", type=Path, nargs="?", metavar="LATER.json",
                        help="a second dump, to be compared with the first")
    parser.add_argument("-o", "--output", type=Path, metavar="STEM",
                        help="write STEM.svg and STEM.html; without it beside the last dump")
    options = parser.parse_args(arguments)
    paths = [options.dump] + ([options.later] if options.later else [])
    try:
        for path in write_pictures(paths, options.output or paths[-1].with_suffix("")):
            print(path)
    except DumpError as error:
        return complain(str(error), EXIT_USAGE)
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}", EXIT_USAGE)
    except ImportError:
        text = "jinja2 is missing (Debian package python3-jinja2; ./scripts/setup.sh installs it)"
        return complain(text, EXIT_ENVIRONMENT)
    return EXIT_OK


def complain(text: str, status: int) -> int:
    print(f"page_map: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    run_script(main)
