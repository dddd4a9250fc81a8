"""What a check of the order of the code finds, and how it tells of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rooms import RoomsError


@dataclass(frozen=True)
class Violation:
    path: str
    line: int
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.why}; {self.remedy}"


# The violations in a tree, and how many files were looked at. Raises RoomsError.
Check = Callable[[Path], tuple[list[Violation], int]]


def run_check(name: str, usage: str, kind: str, check: Check) -> int:
    """The entry of a check whose only argument is the tree, if it is not this one: its exit status.

    kind: of the files that it looks at. A tree without any fails.
    """
    arguments = sys.argv[1:]
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(usage)
        return 0 if len(arguments) == 1 else 2
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    try:
        violations, file_count = check(root)
    except RoomsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    for violation in violations:
        print(violation)
    if file_count == 0:
        print(f"{name}: no {kind} below {root}", file=sys.stderr)
        return 1
    print(f"{name}: {file_count} files, {len(violations)} violations", file=sys.stderr)
    return 1 if violations else 0
