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
    "kernel/test_mode/main.c": '#include "testing/test.h"\n#include "kernel/test_mode/walk.h"\n',
    "kernel/test_mode/walk.h": '#pragma once\n#include "mm_port.h"\n#include "kernel/cpu/id.h"\n',
    "kernel/cpu/id.h": '#pragma once\n#include "kernel/cpu/id.h"\n#include "mm/walk.h"\n',
    "kernel/console/console.h": '#pragma once\n#include "kernel/cpu/id.h"\n',
    "kernel/boot/entry.asm": "extern kernel_main\n",
    "mm/walk.c": '#include "mm/walk.h"\n#include <stdint.h>\n'
    '/* extern,\n#if 0\n#include "kernel/main.h" */ // extern\nchar *s = "extern /*";\n',
    "mm/walk.h": '#pragma once\n#include "mm_port.h"\n',
    "testing/test.h": "#pragma once\n#include <stdarg.h>\n",
    "tests/host/world.h": "#pragma once\n",
    "tests/kernel/walk_test.c": '#include "testing/test.h"\n' + "\n" * 499,
}

# The order of the rooms in these trees; each tree's table has those that are in it.
ROOMS = (
    "tests/host", "tests/kernel", "kernel", "kernel/boot", "kernel/test_mode", "kernel/console",
    "kernel/cpu", "kernel/port", "testing", "mm",
)

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
    ("kernel/cpu/a.c", '\n#include "kernel/main.h"\n', 2,
     "kernel/cpu is below kernel in ci/rooms, and a room includes only rooms below it"),
    ("kernel/cpu/a.h", '#include "kernel/console/none_yet.h"\n', 1,
     "kernel/cpu is below kernel/console in ci/rooms"),
    ("kernel/cpu/a.asm", '%include "kernel/boot/entry.inc"\n', 1,
     "kernel/cpu is below kernel/boot in ci/rooms"),
    ("tests/kernel/a.h", '#include "tests/host/world.h"\n', 1,
     "tests/kernel is below tests/host in ci/rooms"),
    ("kernel/test_mode/a.c", '#include "walk.h"\n', 1, 'write "kernel/test_mode/walk.h"'),
    ("kernel/new/a.c", "int x;\n", 1, "is in kernel/new, which is no room"),
    ("tests/kernel/new/a.asm", "", 1, "add a line that says where tests/kernel/new stands"),
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


def write_rooms(root: Path, rooms: tuple[str, ...] = ROOMS) -> None:
    """A table with those of these rooms that have C code, in this order."""
    places = {path.parent.relative_to(root).as_posix() for path in root.rglob("*.[cha]*")}
    write_tree(root, {"ci/rooms": "# rooms\n\n" + "".join(
        f"{room}    what it is for\n" for room in rooms if room in places
    )})


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
    write_rooms(tmp_path)
    write_odd_files(tmp_path)
    result = run_check("check_layering.py", str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(("name", "text", "line", "message"), LAYERING_VIOLATIONS)
def test_layering_names_the_violation(
    tmp_path: Path, name: str, text: str, line: int, message: str
) -> None:
    write_tree(tmp_path, CLEAN | {name: text})
    write_rooms(tmp_path)
    result = run_check("check_layering.py", str(tmp_path))
    assert result.returncode == 1
    found = result.stdout.splitlines()
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:{line}: ")
    assert message in found[0]


def test_layering_reports_each_violation(tmp_path: Path) -> None:
    files = {"mm/a.h": "#include <stdio.h>\n#if X\n#endif\n", "mm/b.c": "extern int x;\n"}
    write_tree(tmp_path, files)
    write_rooms(tmp_path)
    found = run_check("check_layering.py", str(tmp_path)).stdout.splitlines()
    assert [line.split(" ", 1)[0] for line in found] == ["mm/a.h:1:", "mm/a.h:2:", "mm/b.c:1:"]


def test_two_rooms_that_include_each_other_are_told_by_the_one_that_leads_up(
    tmp_path: Path,
) -> None:
    """Whichever order the table gives them, one of the two is against it."""
    write_tree(tmp_path, {
        "kernel/cpu/a.h": '#pragma once\n#include "kernel/console/b.h"\n',
        "kernel/console/b.h": '#pragma once\n\n#include "kernel/cpu/a.h"\n',
    })
    for rooms, upwards in (
        (("kernel/cpu", "kernel/console"), "kernel/console/b.h:3: "),
        (("kernel/console", "kernel/cpu"), "kernel/cpu/a.h:2: "),
    ):
        write_rooms(tmp_path, rooms)
        (found,) = run_check("check_layering.py", str(tmp_path)).stdout.splitlines()
        assert found.startswith(upwards)
        assert f"{rooms[1]} is below {rooms[0]} in ci/rooms" in found


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "ci/rooms: No such file"),
        ("mm\n", "ci/rooms:1: does not say what mm is for"),
        ("mm  a\n# b\nmm  c\n", "ci/rooms:3: mm has a place already, in line 1"),
        ("docs  a\n", "ci/rooms:1: docs is in none of kernel, mm, testing, tests, scripts"),
    ],
)
def test_a_table_of_rooms_that_cannot_be_used_is_told(
    tmp_path: Path, table: str | None, said: str
) -> None:
    write_tree(tmp_path, {"mm/a.h": "#pragma once\n"} | ({"ci/rooms": table} if table else {}))
    result = run_check("check_layering.py", str(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert said in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_room_without_code_is_told(tmp_path: Path) -> None:
    write_tree(tmp_path, {"mm/a.h": "#pragma once\n", "ci/rooms": "kernel/gone  a\nmm  b\n"})
    result = run_check("check_layering.py", str(tmp_path))
    assert result.returncode == 1
    assert result.stdout.startswith("ci/rooms:1: kernel/gone has no C code; ")


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
