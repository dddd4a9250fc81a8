"""What editors are given: compile_commands.json, tasks and launches of VS Code, the container."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.tree import ROOT
from harness.debugger import session
from harness.suite.kernel_tests import name_at, read_test_image
from make import compile_commands

FILES = (
    ".vscode/launch.json", ".vscode/tasks.json", ".vscode/settings.json",
    ".devcontainer/devcontainer.json",
)
WORKSPACE = "${workspaceFolder}/"
# Made by what a launch does first, or named by the user.
MADE = ("build/assay.elf", "build/assay-test.elf", "compile_commands.json")
RUNNER = ROOT / "scripts" / "qemu_runner.py"


def load(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def strings(value: Any) -> Iterator[str]:
    """Each string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The compilation database that the Makefile makes, in a place of this test's own."""
    made = tmp_path_factory.mktemp("editor") / "compile_commands.json"
    script = compile_commands.__file__
    recipe = subprocess.run(
        ["make", "-s", "-n", "compile_commands.json"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout
    line = recipe[recipe.index("scripts/make/compile_commands.py"):].replace("\\\n", " ")
    line = line.replace("scripts/make/compile_commands.py compile_commands.json", f"'{script}' '{made}'")
    subprocess.run(["sh", "-c", f"{sys.executable} {line}"], cwd=ROOT, check=True)
    entries: list[dict[str, Any]] = json.loads(made.read_text(encoding="utf-8"))
    return entries


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_json_and_the_paths_in_it_exist(name: str) -> None:
    found = list(strings(load(name)))
    assert found
    for text in found:
        for path in re.findall(re.escape(WORKSPACE) + r"([^ $]+)", text):
            assert path in MADE or "/artifacts/" in path or (ROOT / path).exists(), (name, text)


def test_the_launches_name_tasks_and_the_tasks_what_there_is() -> None:
    tasks = {task["label"]: task for task in load(".vscode/tasks.json")["tasks"]}
    for launch in load(".vscode/launch.json")["configurations"]:
        assert launch.get("preLaunchTask", "build") in tasks
    known = (ROOT / "Makefile").read_text(encoding="utf-8")
    for task in tasks.values():
        assert task.get("dependsOn", "build") in tasks
        if task["command"] == "make":
            for target in task["args"]:
                assert target == "-j2" or re.search(rf"^{re.escape(target)}:", known, re.M), target
        else:
            assert task["command"] == WORKSPACE + str(RUNNER.relative_to(ROOT))


def test_a_task_sees_that_the_runner_waits() -> None:
    waiting = Path(session.__file__).read_text(encoding="utf-8")
    tasks = [task for task in load(".vscode/tasks.json")["tasks"] if task.get("isBackground")]
    assert len(tasks) == 2
    for task in tasks:
        background = task["problemMatcher"]["background"]
        for pattern in background["beginsPattern"], background["endsPattern"]:
            assert pattern.strip("^$").replace("\\", "") in waiting


def test_the_container_is_the_one_that_ci_builds() -> None:
    build = load(".devcontainer/devcontainer.json")["build"]
    here = ROOT / ".devcontainer"
    assert (here / build["dockerfile"]).resolve() == ROOT / "ci" / "Containerfile"
    copied = re.findall(r"^COPY (\S+)", (ROOT / "ci" / "Containerfile").read_text(), re.M)
    assert copied
    for path in copied:
        assert (here / build["context"] / path).is_file()


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


def test_a_place_in_a_file_names_its_test() -> None:
    tests = read_test_image()
    test = next(test for test in tests if test.name == "map_to.refuses_a_page_that_is_mapped")
    for place in (f"{test.file}:{test.line}", f"{ROOT / test.file}:{test.line + 1}"):
        assert name_at(tests, place) == test.name
    assert name_at(tests, f"{test.file}:{test.line - 1}") != test.name
    for other in (f"{test.file}:1", "mm/map.c:100", "map_to.*", "no.such"):
        assert name_at(tests, other) == other
