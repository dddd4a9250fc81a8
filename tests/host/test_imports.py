"""The rooms of scripts/: each import goes down, and each way in which one may not is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay.tree import ROOT
from rooms import SCRIPTS, read_rooms

HARNESS = "scripts/harness"
CHECK = ROOT / "ci" / "check_imports.py"
HOST, QEMU, COMMANDS = (f"{HARNESS}/{name}" for name in ("host", "qemu", "commands"))

# What the check accepts, with a trap or two: files that are added to a tree of a violation's own.
CLEAN = {
    "ci/rooms": (ROOT / "ci" / "rooms").read_text(encoding="utf-8"),
    f"{HARNESS}/__init__.py": "",
    f"{HOST}/__init__.py": '"""import assay"""\n',
    f"{HOST}/text.py": "import os, re\nfrom pathlib import Path\n# from assay.own import NAME\n",
    f"{QEMU}/__init__.py": "",
    f"{QEMU}/process.py": "from harness.host import text\nfrom harness.qemu.outcome import Stop\n",
    f"{QEMU}/outcome.py": "from assay_like import x\n",
    f"{COMMANDS}/__init__.py": "",
    f"{COMMANDS}/runner.py": 'import importlib\nimportlib.import_module(f"harness.commands.{1}")\n',
    "scripts/assay/__init__.py": "",
    "scripts/assay/own.py": "from harness.qemu.process import Stop\n",
    "scripts/make/__init__.py": "",
    "scripts/runner.py": "from assay.own import NAME\nfrom harness.commands import runner\n",
    "scripts/page.js": "x\n" * 350,
}

VIOLATIONS = [
    # (file, its text, the line that must be named, what must be said)
    (f"{HOST}/a.py", "import re\nimport harness.qemu.process\n", 2,
     f"{HOST} imports {QEMU} ({QEMU}/process.py); {QEMU} stands above {HOST}"),
    (f"{HOST}/a.py", "from harness.qemu import process\n", 1, f"{HOST} imports {QEMU}"),
    (f"{HOST}/a.py", "def f():\n    from harness.qemu.process import Stop\n", 2, f"{HOST} imports {QEMU}"),
    (f"{COMMANDS}/a.py", "\n\nfrom assay.own import NAME\n", 3,
     f"{COMMANDS} imports scripts/assay (scripts/assay/own.py); {HARNESS} serves any kernel"),
    (f"{QEMU}/a.py", "if TYPE_CHECKING:\n    from assay import own\n", 2, f"{HARNESS} serves any kernel"),
    (f"{HARNESS}/a.py", "import assay\n", 1, f"{HARNESS} is in no room"),
    (f"{QEMU}/a.py", "import runner\n", 1, f"{HARNESS} serves any kernel"),
    (f"{QEMU}/a.py", '__import__("assay.own")\n', 1, f"{HARNESS} serves any kernel"),
    ("scripts/assay/a.py", "import runner\n", 1, f"{SCRIPTS} stands above scripts/assay"),
    (f"{QEMU}/a.py", "from .process import Stop\n", 1, "not written from scripts/"),
    (f"{QEMU}/a.py", "import_module(name)\n", 1, "not written from scripts/"),
    (f"{QEMU}/outcome.py", "import harness.qemu.process\n", 1,
     f"an import cycle: {QEMU}/outcome.py -> {QEMU}/process.py -> {QEMU}/outcome.py"),
    ("scripts/cellar/a.py", "import re\n", 1, "scripts/cellar is in no room"),
    (f"{QEMU}/a.py", "\n" * 351, 351, "has 351 lines"),
    (f"{QEMU}/a.css", "\n" * 351, 351, "has 351 lines"),
]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(CHECK), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_scripts_keep_their_order() -> None:
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_clean_tree_is_accepted(tmp_path: Path) -> None:
    write_tree(tmp_path, CLEAN)
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.mark.parametrize(("name", "text", "line", "message"), VIOLATIONS)
def test_a_violation_is_named(tmp_path: Path, name: str, text: str, line: int, message: str) -> None:
    write_tree(tmp_path, CLEAN | {name: text})
    done = run(tmp_path)
    assert done.returncode == 1
    found = done.stdout.splitlines()
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:{line}: ")
    assert message in found[0]


def test_a_tree_without_scripts_fails(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 1
    write_tree(tmp_path, {"ci/rooms": CLEAN["ci/rooms"]})
    assert run(tmp_path).returncode == 1


def test_every_room_of_the_table_is_there_and_says_what_it_is_for() -> None:
    for room in read_rooms(ROOT, (SCRIPTS,)):
        files = list((ROOT / room).glob("*.py"))
        assert files, room
        if room != SCRIPTS:
            assert (ROOT / room / "__init__.py").read_text(encoding="utf-8").startswith('"""'), room
