"""Paths with characters that mean something to make, the shell, QEMU, gdb or pkg-config."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

from assay.tree import ROOT
from harness.host import scratch
from harness.host.fault import EnvironmentFault
from harness.qemu.command_line import option_value
from harness.qemu.connection import gdb_arguments, monitor_arguments
from source_tree import copy_with_build

ODD = "a b, 'it' \"q\" $HOME `id` #1 50% &;:=! ünï 日本."
LONG = "l" * 200
# In what pkg-config prints, a shell would take the others for its own: pkg-config does not quote them.
ODD_FOR_PKG_CONFIG = "a b, 'it' #1 50% ünï 日本."


def run(*command: str, cwd: Path, **variables: str) -> str:
    """Its output; the test fails unless it ends with 0."""
    settings = {name: text for name, text in os.environ.items() if name != "MAKEFLAGS"}
    done = subprocess.run(
        command, cwd=cwd, env=settings | variables, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, errors="surrogateescape",
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(params=[ODD, LONG], ids=["odd", "long"])
def odd_directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    path.mkdir()
    return path


def test_the_kernel_is_built_booted_and_drawn_in_a_directory_of_any_name(
    odd_directory: Path,
) -> None:
    source, temporary = odd_directory / "source", odd_directory / "temporary"
    copy_with_build(source)
    temporary.mkdir()
    for name in ("kernel/normal_mode/main.c", "kernel/boot/entry.asm", "tests/kernel/map_to_test.c"):
        (source / name).touch()
    runner = "./scripts/qemu_runner.py"
    images = ("build/assay.elf", "build/assay-test.elf", "build/assay.iso")
    run("make", "-s", *images, cwd=source, TMPDIR=str(temporary))
    for image in images[:2]:
        assert bytes(source) not in (source / image).read_bytes()
    assert "Memory map" in run(runner, "run", "--boot", "bios", cwd=source)
    told = run(runner, "test", "map_to.refuses*", cwd=source, TMPDIR=str(temporary))
    assert "boots green" in told
    drawn = run(runner, "map", "--output", str(odd_directory), cwd=source, TMPDIR=str(temporary))
    assert [Path(line).parent for line in drawn.splitlines()] == [odd_directory] * 3
    run(runner, "screenshot", str(odd_directory / "screen.png"), cwd=source, TMPDIR=str(temporary))
    assert (odd_directory / "screen.png").read_bytes().startswith(b"\x89PNG")


def test_a_library_installed_below_an_odd_prefix_is_found_by_pkg_config(tmp_path: Path) -> None:
    prefix = tmp_path / ODD_FOR_PKG_CONFIG
    run("make", f"BUILD={tmp_path}/build", f"PREFIX={prefix}", "install", cwd=ROOT)
    flags = run("pkg-config", "--cflags", "--libs", "assay-mm", cwd=tmp_path,
                PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    example = shlex.quote(str(ROOT / "tests" / "host" / "example" / "main.c"))
    run("sh", "-c", f"gcc -std=gnu11 {example} {flags.strip()} -o program", cwd=tmp_path)
    assert "map_to: ok" in run("./program", cwd=tmp_path)


@pytest.mark.parametrize("name", ["BUILD", "PORT"])
@pytest.mark.parametrize("path", ["a b", "a:b", "a$(b", "a#b", "a%b", "a=b", "a\\b", "a;b"])
def test_a_path_that_make_cannot_hold_in_a_rule_is_refused_by_name(name: str, path: str) -> None:
    done = subprocess.run(
        ["make", "-n", f"{name}={path}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"{name}=" in done.stderr and "expected a directory with a path of letters and digits" in done.stderr


def test_a_comma_in_a_path_is_no_end_of_an_option() -> None:
    assert option_value("a,b,,c") == "a,,b,,,,c"
    path = Path("/a,b/monitor")
    assert monitor_arguments(path) == ("-qmp", "unix:/a,,b/monitor,server=on,wait=off")
    assert gdb_arguments(path) == ("-gdb", "unix:/a,,b/monitor,server=on,wait=off")


@pytest.fixture
def temporary_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual choice of a directory is made again, and forgotten after the test."""
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.parametrize("name", [LONG, "a,b", "a b", "missing/one"])
def test_sockets_go_to_a_short_and_plain_path(
    temporary_root: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    if "missing" not in name:
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / name))
    with scratch.scratch_directory() as directory:
        socket = str(Path(directory) / "monitor")
    assert len(socket) < 108 and scratch.PLAIN.fullmatch(socket)


def test_a_short_and_plain_tmpdir_is_taken(
    temporary_root: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as mine:
        monkeypatch.setenv("TMPDIR", mine)
        assert scratch.scratch_root() == Path(mine)


def test_without_a_place_for_sockets_the_fault_says_what_to_set(
    temporary_root: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / LONG).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / LONG))
    monkeypatch.setattr(scratch, "ROOTS", ("/missing/one",))
    with pytest.raises(EnvironmentFault, match="set TMPDIR"):
        scratch.scratch_root()
