"""The layering and header checks pass on the project and fail on each thing that they forbid."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What the checks accept, with a trap or two: files that are added to a tree of a violation's own.
CLEAN = {
    "kernel/main.c": '#include "kernel/main.h"\n#include "mm/walk.h"\n#if 1\n#endif\n',
    "kernel/main.h": "#pragma once\nextern char text_start[];\n",
    "kernel/port/mm_port.c": '#include "mm_port.h"\n',
    "kernel/port/mm_port.h": "#pragma once\n",
    "kernel/test_mode/main.c": '#include "testing/test.h"\n',
    "kernel/boot/entry.asm": "extern kernel_main\n",
    "mm/walk.c": '#include "mm/walk.h"\n#include <stdint.h>\n'
    '/* extern,\n#if 0\n#include "kernel/main.h" */ // extern\nchar *s = "extern /*";\n',
    "mm/walk.h": '#pragma once\n#include "mm_port.h"\n',
    "testing/test.h": "#pragma once\n#include <stdarg.h>\n",
    "tests/kernel/walk_test.c": '#include "testing/test.h"\n' + "\n" * 499,
}

LAYERING_VIOLATIONS = [
    # (file, its text, the line that must be named, what must be said)
    ("mm/a.h", '#include "kernel/main.h"\n', 1, 'includes "kernel/main.h"'),
    ("mm/a.h", '\n#include "testing/test.h"\n', 2, 'includes "testing/test.h"'),
    ("mm/a.h", '/*\n*/#include "walk.h"\n', 2, 'includes "walk.h"'),
    ("mm/a.h", "#include <stdio.h>\n", 1, "includes <stdio.h>"),
    ("mm/a.h", "#include <stdarg.h>\n", 1, "includes <stdarg.h>"),
    ("mm/a.h", "#include <mm_port.h>\n", 1, "includes <mm_port.h>"),
    ("mm/a.h", "#define H <stdint.h>\n#include H\n", 2, "computed #include"),
    ("mm/a.h", "#ifndef A_H\n#define A_H\n#endif\n", 1, "has #ifndef A_H"),
    ("mm/a.c", "#ifdef __clang__\n#endif\n", 1, "has #ifdef __clang__"),
    ("mm/a.c", "\n # if X\n#endif\n", 2, "has # if X"),
    ("mm/a.c", "extern int x;\n", 1, "extern"),
    ("testing/a.c", '#include "kernel/main.h"\n', 1, 'includes "kernel/main.h"'),
    ("testing/a.c", '#include "mm/walk.h"\n', 1, 'includes "mm/walk.h"'),
    ("testing/a.c", "#include <string.h>\n", 1, "includes <string.h>"),
    ("testing/a.c", "extern int x;\n", 1, "extern"),
    ("kernel/a.c", '#include "testing/test.h"\n', 1, "only the test mode"),
    ("kernel/cpu/test_mode.c", '#include "testing/test.h"\n', 1, "only the test mode"),
    ("kernel/a.c", '#include "tests/kernel/cases.h"\n', 1, "does not know its tests"),
    ("mm/a.c", '#include "tests/kernel/cases.h"\n', 1, "does not know its tests"),
    ("testing/a.c", '#include "tests/kernel/cases.h"\n', 1, "does not know its tests"),
    ("kernel/cpu/a.c", '#include "../main.h"\n', 1, "written from the root"),
    ("tests/kernel/a.c", '#include "kernel/../mm/walk.h"\n', 1, "written from the root"),
    ("kernel/boot/a.asm", '%include "../layout.asm"\n', 1, "written from the root"),
    ("kernel/a.c", "void f(void)\n{\n    extern char end[];\n}\n", 3, "extern"),
    ("tests/host/a.c", "extern int x;\n", 1, "extern"),
    ("kernel/main.c", '#include "mm/walk.h"\n#include "kernel/main.h"\n', 1, "first include"),
    ("kernel/main.c", '#include "main.h"\n', 1, 'put #include "kernel/main.h" first'),
    ("mm/walk.c", "int x;\n", 1, "does not include its own header"),
    ("kernel/a.c", "\n" * 501, 501, "has 501 lines"),
    ("mm/a.h", "\n" * 501, 501, "has 501 lines"),
    ("testing/a.asm", "\n" * 501, 501, "has 501 lines"),
    ("tests/host/a.py", "\n" * 501, 501, "has 501 lines"),
    ("scripts/a.sh", "\n" * 501, 501, "has 501 lines"),
]


def run_check(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "ci" / script), *arguments], capture_output=True, text=True, timeout=60
    )


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_project_keeps_its_layering() -> None:
    result = run_check("check_layering.py")
    assert result.returncode == 0, result.stdout + result.stderr


def write_odd_files(root: Path) -> None:
    """What editors and accidents leave: none of it can be read as source, though it has its name."""
    os.mkfifo(root / "kernel" / "pipe.h")
    (root / "kernel" / ".#main.c").symlink_to("nobody@nowhere:1")
    (root / "mm" / "directory.c").mkdir()
    (root / "tests" / "kernel" / "latin.py").write_bytes(b"# caf\xe9\n")


def test_layering_accepts_a_clean_tree(tmp_path: Path) -> None:
    write_tree(tmp_path, CLEAN)
    write_odd_files(tmp_path)
    result = run_check("check_layering.py", str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(("name", "text", "line", "message"), LAYERING_VIOLATIONS)
def test_layering_names_the_violation(
    tmp_path: Path, name: str, text: str, line: int, message: str
) -> None:
    write_tree(tmp_path, CLEAN | {name: text})
    result = run_check("check_layering.py", str(tmp_path))
    assert result.returncode == 1
    found = result.stdout.splitlines()
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:{line}: ")
    assert message in found[0]


def test_layering_reports_each_violation(tmp_path: Path) -> None:
    files = {"mm/a.h": "#include <stdio.h>\n#if X\n#endif\n", "mm/b.c": "extern int x;\n"}
    write_tree(tmp_path, files)
    found = run_check("check_layering.py", str(tmp_path)).stdout.splitlines()
    assert [line.split(" ", 1)[0] for line in found] == ["mm/a.h:1:", "mm/a.h:2:", "mm/b.c:1:"]


@pytest.mark.parametrize("script", ["check_layering.py", "check_headers.sh"])
def test_a_check_that_finds_nothing_to_check_fails(tmp_path: Path, script: str) -> None:
    assert run_check(script, str(tmp_path)).returncode == 1


def test_the_projects_headers_compile_alone() -> None:
    result = run_check("check_headers.sh")
    assert result.returncode == 0, result.stdout + result.stderr


def test_headers_accepts_a_clean_tree(tmp_path: Path) -> None:
    write_tree(tmp_path, CLEAN)
    write_odd_files(tmp_path)
    result = run_check("check_headers.sh", str(tmp_path))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mm/leans_on_another.h", "#pragma once\nuint64_t f(void);\n"),
        ("kernel/cpu/has_no_guard.h", "struct cpu {\n    int id;\n};\n"),
        ("testing/warns.h", "#pragma once\nstatic inline int f(int unused)\n{\n    return 0;\n}\n"),
    ],
)
def test_headers_names_the_one_that_fails(tmp_path: Path, name: str, text: str) -> None:
    write_tree(tmp_path, CLEAN | {name: text})
    result = run_check("check_headers.sh", str(tmp_path))
    assert result.returncode == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [name]
