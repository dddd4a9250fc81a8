"""The check of the linear walk passes on the project and fails on a call that is put into the walk."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from assay.tree import ROOT
from source_tree import copy_directories

CHECK = ROOT / "ci" / "check_walk.py"
COMPILERS = ("gcc", "clang")

# One call in a loop, one before it, one behind it: each function is named after what it shows.
SAMPLE = """
int before(int);
int in_loop(int);
int behind(int);
int sum(int count);
int sum(int count)
{
    int result = before(count);
    for (int i = 0; i < count; i++) {
        if (result == 7) {
            result += in_loop(i);
        }
        result = result * 3 + i;
    }
    return behind(result);
}
"""


def kernel_flags() -> list[str]:
    """The flags that the Makefile compiles the kernel with."""
    environment = {name: text for name, text in os.environ.items() if name != "MAKEFLAGS"}
    command = ["make", "-s", "--no-print-directory", "--eval", "flags:;@echo $(KERNEL_CFLAGS)"]
    done = subprocess.run(
        [*command, "flags"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def run_check(compiler: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CHECK), compiler, *kernel_flags()],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )


def load_check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_walk", CHECK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_walk"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    copy_directories(tmp_path, "mm", "kernel/port")
    return tmp_path


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_projects_walk_contains_no_call(compiler: str) -> None:
    result = run_check(compiler, ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_call_in_the_walk_is_found(compiler: str, project_copy: Path) -> None:
    header = project_copy / "mm" / "walk.h"
    load = re.compile(r"(\bwalk(?:->|\.)entry = page_entry_load)")
    text, replaced = load.subn(r"spy(); \1", header.read_text())
    assert replaced == 1
    header.write_text(text.replace("#pragma once", "#pragma once\nvoid spy(void);"))

    result = run_check(compiler, project_copy)
    assert result.returncode == 1, result.stderr
    assert re.search(r"^linear_walk\+0x[0-9a-f]+: `call +spy` is a call", result.stdout, re.M)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_call_in_a_loop_of_an_operation_is_found(compiler: str, project_copy: Path) -> None:
    source = project_copy / "mm" / "translate.c"
    loop = "void spy(void);\nvoid f(void);\n#define page_table_translate(table, page) \\\n"
    loop += "    ({ for (unsigned i = 0; i < (table)->levels; i++) spy(); \\\n"
    loop += "       (page_table_translate)((table), (page)); })\n"
    source.write_text(source.read_text() + loop)

    result = run_check(compiler, project_copy)
    assert result.returncode == 1, result.stderr
    assert re.search(r"^linear_translate\+\S+: `call +spy` is a call in a loop", result.stdout, re.M)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_what_does_not_compile_is_no_pass(compiler: str, project_copy: Path) -> None:
    (project_copy / "mm" / "walk.h").write_text("#error no walk\n")
    result = run_check(compiler, project_copy)
    assert result.returncode == 2
    assert "no walk" in result.stderr


def test_a_compiler_that_is_missing_is_named() -> None:
    result = run_check("no-such-compiler", ROOT)
    assert result.returncode == 2
    assert "there is no no-such-compiler" in result.stderr


@pytest.mark.parametrize("optimization", ["-O1", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_calls_in_loops_are_told_from_others(
    compiler: str, optimization: str, tmp_path: Path
) -> None:
    source = tmp_path / "sample.c"
    source.write_text(SAMPLE)
    compiled = tmp_path / "sample.o"
    command = [compiler, optimization, "-fno-pic", "-c", str(source), "-o", str(compiled)]
    subprocess.run(command, check=True)

    function = load_check().disassemble(compiled)["sum"]
    calls = [one for one in function.code.values() if function.is_call(one)]
    assert {one.symbol: function.is_in_loop(one) for one in calls} == {
        "before": False,
        "in_loop": True,
        "behind": False,
    }
