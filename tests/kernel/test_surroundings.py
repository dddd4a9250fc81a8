"""Boots by the runner, whatever it is started with: streams, signals, limits, directory and user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.tree import ROOT
from harness.machine.project import build_directory
from source_tree import copy_directories

RUNNER = ROOT / "scripts" / "qemu_runner.py"
RUN = f"{RUNNER} run --boot pvh"
TEST = f"{RUNNER} test map_to.shows_one_frame_at_two_pages"
PASSED = b"1 of 1 boots green; 1 tests passed, 0 skipped"
LIMIT_S = 60.0
NOBODY = "65534"


def shell(
    script: str, *prefix: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """`script` in a shell, where $RUN and $TEST are the runner's commands."""
    python = sys.executable
    settings = {"RUN": f"{python} {RUN}", "TEST": f"{python} {TEST}", **environment}
    return subprocess.run(
        [*prefix, "bash", "-c", script], env={**os.environ, **settings},
        capture_output=True, timeout=LIMIT_S, check=False,
    )


@pytest.mark.parametrize("streams", ("<&-", "2>&-", "<&- 2>&-", "</dev/full 2>/dev/full"))
def test_a_boot_needs_neither_input_nor_messages(streams: str) -> None:
    done = shell(f"$RUN {streams}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"It did not crash!" in done.stdout
    done = shell(f"$TEST {streams}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert PASSED in done.stdout


@pytest.mark.parametrize("stream", (">&-", ">/dev/full", "| true", "<&- >&-"))
@pytest.mark.parametrize("command", ("$RUN", "$TEST"))
def test_a_boot_whose_output_is_lost_is_no_success(command: str, stream: str) -> None:
    done = shell(f"{command} {stream}; exit ${{PIPESTATUS[0]}}")
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 3, lines
    assert len(lines) == 1 and lines[0].startswith("qemu_runner: standard output: ")


SURROUNDINGS = (
    "trap '' INT; $TEST",
    "trap '' CHLD; $TEST",
    "trap '' PIPE HUP TERM; $TEST",
    "$TEST & wait $!",
    "nohup $TEST </dev/null",
    "ulimit -n 64; $TEST --jobs 1",
    "ulimit -s 256; $TEST",
    "umask 077; $TEST",
    "unset HOME USER LOGNAME TERM LANG SHELL; $TEST",
    "cd /; $TEST",
    'd=$(mktemp -d); cd "$d"; rmdir "$d"; $TEST',
    'd=$(mktemp -d "/tmp/with space XXXXXX"); cd "$d"; $TEST; s=$?; cd /; rmdir "$d"; exit $s',
    "export PYTHONSTARTUP=/nowhere PYTHONDONTWRITEBYTECODE=1 CDPATH=/ MAKEFLAGS=-n; $TEST",
)


@pytest.mark.parametrize("script", SURROUNDINGS)
def test_a_test_passes_in_any_surroundings(script: str) -> None:
    done = shell(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSED in done.stdout


def test_an_interrupt_is_not_heeded_where_it_is_ignored() -> None:
    done = shell("trap '' INT; $RUN & sleep 0.3; kill -INT $!; wait $!")
    assert done.returncode == 0, done.stderr
    assert b"It did not crash!" in done.stdout


@pytest.mark.parametrize("script", ("ulimit -n 6; $TEST", "ulimit -n 9; $TEST --jobs 1"))
def test_too_few_open_files_are_one_line(script: str) -> None:
    done = shell(script)
    assert done.returncode == 3, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1 and b"Too many open files" in done.stderr


@pytest.fixture
def project_of_another() -> Iterator[Path]:
    """Runner and images where every user can read them, and nobody but root can write."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        copy_directories(directory, "scripts")
        (directory / "build").mkdir()
        for image in ("assay.elf", "assay-test.elf"):
            shutil.copy(build_directory() / image, directory / "build")
        for path in (directory, *directory.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.suffix == ".py" else 0o644)
        yield directory


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_who_may_only_read_runs_tests(project_of_another: Path) -> None:
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    runner = f"{sys.executable} {project_of_another}/scripts/qemu_runner.py"
    done = shell(f"{runner} test map_to.shows_one_frame_at_two_pages", *become, HOME="/nonexistent")
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSED in done.stdout
    done = shell(f"{runner} map", *become, HOME="/nonexistent")
    lines = done.stderr.decode().splitlines()
    assert done.returncode in (1, 3) and len(lines) == 1, lines
    assert "Permission denied" in lines[0]
