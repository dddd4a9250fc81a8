"""`make libmm` gives an archive and headers that are all that a program or a kernel needs."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.tree import ROOT

EXAMPLE = ROOT / "tests" / "host" / "example"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Werror"]

# What a freestanding compiler may always call.
COMPILER_NEEDS = {"memcpy", "memset", "memcmp", "memmove"}

OUTPUT = """\
map_to: ok
translate: ok, physical address 0xb8123, writable
update_flags: ok
map_to: the page is already mapped: unmap it first
unmap: ok, frame 0xb8000
map_range: ok, 2 new tables
unmap_range: ok, 4 leaves
clean_up: ok, 2 tables
"""


@dataclass(frozen=True)
class Library:
    compiler: str
    archive: Path
    include: Path


def make(compiler: str, build: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "MAKEFLAGS"}
    command = ["make", "--no-print-directory", f"CC={compiler}", f"BUILD={build}", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", params=["gcc", "clang"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    build = tmp_path_factory.mktemp("libmm")
    done = make(request.param, build, "libmm")
    assert done.returncode == 0, done.stdout + done.stderr
    return Library(request.param, build / "libassay_mm.a", build / "include")


@pytest.mark.parametrize("position", ["-no-pie", "-pie"])
def test_the_example_needs_only_the_archive_and_its_headers(
    library: Library, position: str, tmp_path: Path
) -> None:
    program = tmp_path / "example"
    code = "-fpie" if position == "-pie" else "-fno-pie"
    run(library.compiler, "-std=gnu11", "-O2", code, position, *WARNINGS, "-I", library.include,
        EXAMPLE / "main.c", library.archive, "-o", program)
    assert run(program) == OUTPUT


def test_the_archive_needs_nothing_from_outside(library: Library) -> None:
    defined: set[str] = set()
    undefined: set[str] = set()
    for line in run("nm", "-g", library.archive).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in "Uw":
            undefined.add(words[1])
        elif len(words) == 3:
            defined.add(words[2])
    assert "page_table_map_range" in defined
    assert undefined - defined <= COMPILER_NEEDS


def test_the_archive_links_into_the_top_2_gib(library: Library, tmp_path: Path) -> None:
    provided = [f"--defsym={name}=0xffffffff80000000" for name in sorted(COMPILER_NEEDS)]
    kernel = tmp_path / "kernel.elf"
    run("ld", "-nostdlib", "-static", "-z", "noexecstack", "-Ttext-segment=0xffffffff80000000",
        *provided, "-e", "0", "--whole-archive", library.archive, "-o", kernel)
    start = next(line for line in run("nm", kernel).splitlines() if "page_table_map_range" in line)
    assert start.startswith("ffffffff80")


def test_every_header_compiles_alone(library: Library, tmp_path: Path) -> None:
    headers = sorted((library.include / "mm").glob("*.h"))
    assert headers
    for header in headers:
        source = tmp_path / f"{header.stem}.c"
        source.write_text(f'#include "mm/{header.name}"\n')
        run(library.compiler, "-std=gnu11", "-ffreestanding", "-fsyntax-only", *WARNINGS,
            "-I", library.include, source)


def test_another_port_is_built_anew(library: Library, tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.mkdir()
    text = (EXAMPLE / "port" / "mm_port.h").read_text()
    assert text.count("__builtin_memset(") == 1
    (port / "mm_port.h").write_text(
        text.replace("#pragma once", "#pragma once\nvoid my_memset(void *, int, unsigned long);")
        .replace("__builtin_memset(", "my_memset(")
    )
    build = tmp_path / "build"
    for port_directory, calls in ((EXAMPLE / "port", False), (port, True)):
        done = make(library.compiler, build, "libmm", f"PORT={port_directory}")
        assert done.returncode == 0, done.stdout + done.stderr
        symbols = run("nm", build / "libassay_mm.a")
        assert (" U my_memset" in symbols) == calls
        header = (build / "include" / "mm_port.h").read_text()
        assert ("my_memset" in header) == calls


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_code_of_the_manual_compiles(compiler: str, tmp_path: Path) -> None:
    """Each block of C in docs/mm.md begins with the name of its file."""
    text = (ROOT / "docs" / "mm.md").read_text()
    blocks = re.findall(r"^```c\n/\* (\S+) \*/\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in blocks] == ["mm_port.h", "example.c"]
    for name, code in blocks:
        (tmp_path / name).write_text(code)

    build = tmp_path / "build"
    done = make(compiler, build, "libmm", f"PORT={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    run(compiler, "-std=gnu11", "-O2", "-ffreestanding", "-mno-red-zone", "-mgeneral-regs-only",
        *WARNINGS, "-Wmissing-prototypes", "-I", build / "include",
        "-c", tmp_path / "example.c", "-o", tmp_path / "example.o")


def test_a_port_that_is_missing_is_named(tmp_path: Path) -> None:
    done = make("gcc", tmp_path, "libmm", f"PORT={tmp_path}/nowhere")
    assert done.returncode != 0
    assert "mm_port.h" in done.stderr
