"""Writes what an image was made of, as an assembly file that is linked into it.

    image_sources.py OBJECT... -- FILE...     of the sources that the compilers' .d files name, and of
                                              the other files

The list is described in scripts/harness/image/sources.py, which compares it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

# The rooms of scripts/ are not beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.project import PROJECT  # noqa: E402
from harness.image.sources import (  # noqa: E402
    SECTION,
    SOURCE_SUFFIXES,
    UNUSED,
    digest_of,
    sources_in,
)
from harness.machine.project import project, use  # noqa: E402


def _dependencies(objects: Iterable[Path]) -> set[str]:
    """The files of the project that the objects were compiled from."""
    found: set[str] = set()
    for item in objects:
        file = item.with_suffix(".d")
        if file.is_file():
            rule = file.read_text(encoding="utf-8").replace("\\\n", " ").partition("\n")[0]
            found.update(re.sub(r"\\(.)", r"\1", word)
                         for word in re.split(r"(?<!\\)\s+", rule.partition(":")[2].strip()) if word)
    return {Path(path).as_posix() for path in found if (project().root / path).resolve().is_relative_to(project().root)}


def sources_of(objects: Sequence[Path], others: Sequence[str]) -> str:
    """The list of sources of an image."""
    used = _dependencies(objects) | set(others)
    used = {path for path in used if not Path(path).is_absolute()}
    directories = {Path(path).parent for path in used if path.endswith(SOURCE_SUFFIXES)}
    lines = [f"{digest_of(project().root / path)} {path}" for path in sorted(used)]
    lines += [f"{UNUSED} {path}" for path in sources_in(directories) if path not in used]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    use(PROJECT)
    at = arguments.index("--")
    text = sources_of([Path(item) for item in arguments[:at]], arguments[at + 1 :]).encode()
    print(f"section {SECTION} noalloc noexec nowrite progbits align=1")
    for start in range(0, len(text), 32):
        print("db", ",".join(map(str, text[start : start + 32])))
    print("section .note.GNU-stack noalloc noexec nowrite progbits")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
