"""Checks the tests that an image registers, when it is linked.

    test_records.py ELF     exit status 1, and one line, if a record breaks a rule
"""

from __future__ import annotations

import sys
from pathlib import Path

# The rooms of scripts/ are not beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.project import PROJECT  # noqa: E402
from harness.host.fault import EnvironmentFault  # noqa: E402
from harness.image.elf_file import ElfError, ElfFile  # noqa: E402
from harness.image.test_records import SECTION, read_tests  # noqa: E402
from harness.machine.project import use  # noqa: E402


def main(path: Path) -> int:
    use(PROJECT)
    try:
        if ElfFile(path).section(SECTION) is not None:
            read_tests(path)
    except (EnvironmentFault, ElfError) as fault:
        print(f"test_records: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
