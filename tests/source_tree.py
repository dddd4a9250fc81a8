"""Copies of the project's source, for tests that build elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from assay.tree import ROOT
from harness.machine.project import build_directory

NOT_NEEDED = shutil.ignore_patterns("artifacts", "report", "map", "fuzz", "pytest_cache", "iso")


def not_source(directory: str, names: list[str]) -> set[str]:
    """What is made, and what is no file: a socket, a pipe, a link that leads nowhere."""
    made = shutil.ignore_patterns(".git", "build", "__pycache__", ".*_cache")(directory, names)
    paths = [Path(directory, name) for name in names]
    return made | {
        path.name for path in paths
        if not (path.is_file() or path.is_dir()) or not os.access(path, os.R_OK)
    }


def copy_source(to: Path) -> None:
    """The source as it stands, whatever else lies about."""
    shutil.copytree(ROOT, to, ignore=not_source)


def copy_directories(to: Path, *names: str) -> None:
    """The source of some directories of the root, alike."""
    for name in names:
        shutil.copytree(ROOT / name, to / name, ignore=not_source)


def copy_with_build(to: Path) -> None:
    """The same with what was built, so that `make` there has little to do."""
    copy_source(to)
    shutil.copytree(build_directory(), to / "build", ignore=NOT_NEEDED)
