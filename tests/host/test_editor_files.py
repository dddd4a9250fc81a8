"""What editors are given: compile_commands.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import compile_commands
from machines import ROOT


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The compilation database that the Makefile makes, in a place of this test's own."""
    made = tmp_path_factory.mktemp("editor") / "compile_commands.json"
    script = compile_commands.__file__
    recipe = subprocess.run(
        ["make", "-s", "-n", "compile_commands.json"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout
    line = recipe[recipe.index("scripts/compile_commands.py"):].replace("\\\n", " ")
    line = line.replace("scripts/compile_commands.py compile_commands.json", f"'{script}' '{made}'")
    subprocess.run(["sh", "-c", f"{sys.executable} {line}"], cwd=ROOT, check=True)
    entries: list[dict[str, Any]] = json.loads(made.read_text(encoding="utf-8"))
    return entries


def test_every_c_file_has_an_entry(database: list[dict[str, Any]]) -> None:
    listed = {entry["file"] for entry in database}
    there = {
        str(path.relative_to(ROOT)) for top in ("kernel", "mm", "testing", "tests")
        for path in (ROOT / top).rglob("*.c")
    }
    assert listed == there


def test_the_entries_compile(database: list[dict[str, Any]], tmp_path: Path) -> None:
    seen = set()
    for entry in database:
        # One file of each directory, for each way of compiling it.
        key = Path(entry["file"]).parent, "-mcmodel=kernel" in entry["arguments"]
        if key in seen:
            continue
        seen.add(key)
        command = ["clang", *entry["arguments"][1:], "-fsyntax-only", "-o", str(tmp_path / "none")]
        result = subprocess.run(
            command, cwd=entry["directory"], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
    assert len(seen) > 10
    assert not list(tmp_path.iterdir()), "a dependency file was written"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no file to write is named"), (["OUT"], "no source files are named"),
        (["OUT", "mm/map.c"], "mm/map.c belongs to no --group"),
        (["OUT", "--group"], "--group takes a compiler"),
        (["OUT", "--group", "gcc", "mm/none.c"], "there is no file mm/none.c"),
    ],
)
def test_wrong_use_of_the_writer_is_told(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert compile_commands.main([str(out) if word == "OUT" else word for word in arguments]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()
