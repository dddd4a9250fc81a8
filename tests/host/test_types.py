"""The types of all scripts are right: mypy, with the settings of mypy.ini."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from assay.tree import ROOT

WRONG = """\
from harness.host.text import text_lines

lines: list[int] = text_lines(b"")
text_lines("")


def untyped(value):
    return value
"""


def mypy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Its cache is in build/, so that only what has changed is checked again."""
    return subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, arguments)], cwd=ROOT, capture_output=True,
        text=True, timeout=300, check=False,
    )


def test_the_scripts_have_no_type_error() -> None:
    done = mypy()
    assert done.returncode == 0, f"{done.stdout}{done.stderr}again: mypy (./scripts/setup.sh installs it)"
    assert "no issues found" in done.stdout


def test_what_is_no_type_is_named(tmp_path: Path) -> None:
    """Also what only strict settings refuse."""
    (tmp_path / "wrong.py").write_text(WRONG)
    done = mypy(tmp_path / "wrong.py")
    lines = [line for line in done.stdout.splitlines() if "wrong.py:" in line and "error:" in line]
    assert done.returncode == 1, done.stderr
    assert [line.partition("wrong.py:")[2].partition(":")[0] for line in lines] == ["3", "4", "7"]
