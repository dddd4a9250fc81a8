"""What `make install` puts where, and what is in the archive of `make release`."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.tree import ROOT
from source_tree import copy_source, not_source

EXAMPLE = ROOT / "tests" / "host" / "example" / "main.c"
VERSION = (ROOT / "VERSION").read_text().strip()


def run(
    *command: str | Path, cwd: Path = ROOT, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "MAKEFLAGS"}
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment | dict(variables or {}),
        capture_output=True, text=True,
    )


def succeed(
    *command: str | Path, cwd: Path = ROOT, variables: Mapping[str, str] | None = None
) -> str:
    done = run(*command, cwd=cwd, variables=variables)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def install(build: Path, *words: str) -> None:
    succeed("make", f"BUILD={build}", "install", *words)


def files_below(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_a_program_is_built_with_what_pkg_config_says(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    install(tmp_path / "build", f"PREFIX={prefix}")
    search = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    assert succeed("pkg-config", "--modversion", "assay-mm", variables=search).strip() == VERSION
    flags = succeed("pkg-config", "--cflags", "assay-mm", variables=search).split()
    libraries = succeed("pkg-config", "--libs", "assay-mm", variables=search).split()
    assert flags == [f"-I{prefix}/include/assay-mm"]
    program = tmp_path / "program"
    # Elsewhere than in the source, whose headers would be found, too.
    succeed("gcc", "-std=gnu11", *flags, EXAMPLE, *libraries, "-o", program, cwd=tmp_path)
    assert "map_to: ok" in succeed(program)


def test_exactly_the_library_is_installed_below_destdir(tmp_path: Path) -> None:
    install(tmp_path / "build", "PREFIX=/usr", f"DESTDIR={tmp_path}/package")
    headers = {f"include/assay-mm/mm/{path.name}" for path in (ROOT / "mm").glob("*.h")}
    assert files_below(tmp_path / "package" / "usr") == headers | {
        "include/assay-mm/mm_port.h", "lib/libassay_mm.a", "lib/pkgconfig/assay-mm.pc",
    }
    description = (tmp_path / "package" / "usr" / "lib" / "pkgconfig" / "assay-mm.pc").read_text()
    assert "prefix=/usr\n" in description
    assert "package" not in description and "@" not in description


def test_a_relative_prefix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    done = run("make", f"BUILD={tmp_path}/build", "install", "PREFIX=here", f"DESTDIR={tmp_path}/x")
    assert done.returncode != 0
    assert "PREFIX=here: expected an absolute path" in done.stderr
    assert not (tmp_path / "x").exists()


def test_what_is_no_file_is_no_source(tmp_path: Path) -> None:
    tree, copy = tmp_path / "tree", tmp_path / "copy"
    (tree / "docs").mkdir(parents=True)
    (tree / "docs" / "a.md").touch()
    (tree / "docs" / "link.md").symlink_to("nowhere")
    os.mkfifo(tree / "docs" / "pipe.md")
    with socket.socket(socket.AF_UNIX) as odd:
        odd.bind(str(tree / "odd"))
        shutil.copytree(tree, copy, ignore=not_source)
    assert files_below(copy) == {"docs/a.md"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which the source as it stands is committed."""
    path = tmp_path / "repository"
    copy_source(path)
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    succeed("git", "init", "--quiet", cwd=path)
    succeed("git", "add", "--all", cwd=path)
    succeed("git", *author, "commit", "--quiet", "--message=All of it", cwd=path)
    return path


def test_the_archive_has_what_is_committed_and_builds_without_git(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "left.over").write_text("not committed")
    name = f"assay-{VERSION}"
    archive = tmp_path / "build" / f"{name}.tar.gz"
    said = succeed("make", "-s", "release", f"BUILD={archive.parent}", cwd=repository)
    assert said.strip() == str(archive)
    with tarfile.open(archive) as members:
        members.extractall(tmp_path)
    source = tmp_path / name
    assert files_below(source) == set(succeed("git", "ls-files", cwd=repository).splitlines())
    assert os.access(source / "scripts" / "setup.sh", os.X_OK)
    succeed("make", "build/assay.elf", cwd=source)
    done = run("make", "release", cwd=source)
    assert done.returncode != 0 and "no git repository" in done.stderr


def test_a_change_that_is_not_committed_is_not_released(repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").write_text("changed")
    done = run("make", "release", f"BUILD={tmp_path}/build", cwd=repository)
    assert done.returncode != 0 and "not committed" in done.stderr
    assert not (tmp_path / "build").exists()


def test_the_version_has_one_owner() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    said = succeed(ROOT / "scripts" / "qemu_runner.py", "--version")
    assert said.split()[-1] == VERSION
