#!/usr/bin/python3
"""Runs Assay in QEMU: the normal image for people, the test image for verdicts.

Exit codes: 0 something ran and all passed; 1 failures; 2 wrong use; 3 the environment is at fault;
130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.project import PROJECT
from harness.commands import runner
from harness.host.script import run_script
from harness.machine.project import use

use(PROJECT)


def main(arguments: Sequence[str] | None = None) -> int:
    return runner.main(__doc__, arguments)


if __name__ == "__main__":
    run_script(main)
