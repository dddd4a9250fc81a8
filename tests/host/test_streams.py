"""Each script, whatever its streams and its environment are: the documented status, no traceback,
and success only if all that it says was written."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIRECTORIES = ("scripts", "scripts/make", "ci", "tests/bench")
LOST = 3

# What each script is asked for, so that it writes something and boots nothing.
COMMANDS = (
    "scripts/qemu_runner.py --version",
    "scripts/qemu_runner.py profiles",
    "scripts/qemu_runner.py list map_to.*",
    "scripts/qemu_runner.py list no.such",
    "scripts/qemu_runner.py matrix --list --sample 1 --seed 1",
    "scripts/make/assembly_directory.py --help",
    "scripts/make/assembly_directory.py no-such-object",
    "scripts/make/font_table.py",
    "scripts/page_map.py --help",
    "scripts/page_map.py no-such-dump",
    "scripts/report.py --help",
    "scripts/report.py --junit no-such-run",
    "scripts/make/compile_commands.py --help",
    "scripts/make/compile_commands.py",
    "scripts/figures.py --help",
    "scripts/setup.sh --help",
    "scripts/setup.sh nonsense",
    "ci/check_fragments.py --only code",
    "ci/check_headers.sh no-such-directory",
    "ci/check_imports.py",
    "ci/check_layering.py",
    "ci/check_links.py",
    "ci/check_translations.py",
    "ci/check_walk.py --help",
    "ci/include_graph.py --check docs/architecture.svg",
    "ci/room_table.py --check docs/architecture.md",
    "tests/bench/boot_bench.py --help",
    "tests/bench/harness_bench.py --help",
    "tests/bench/text_size.py",
)
ALL_CLOSED = "<&- >&- 2>&-"
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "C": {"LC_ALL": "C", "TERM": "dumb"},
    "Japanese": {"LC_ALL": "ja_JP.UTF-8", "LANGUAGE": "ja", "TERM": ""},
    "ASCII alone": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "POSIXLY_CORRECT": "1"},
}


def is_python(command: str) -> bool:
    return command.split()[0].endswith(".py")


def words_of(command: str) -> list[str]:
    """Python scripts run in the interpreter of the tests."""
    return [sys.executable if is_python(command) else "bash", *command.split()]


def run(
    command: str, redirections: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """By a shell, which can close streams."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *words_of(command)],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False,
    )


@functools.lru_cache(maxsize=None)
def usual(command: str) -> subprocess.CompletedProcess[bytes]:
    done = run(command)
    assert done.returncode in (0, 1, 2, 3), done.stderr
    assert done.stdout or done.stderr or done.returncode == 0
    return done


def demand_told_loss(command: str, status: int, stderr: bytes) -> None:
    """As usual if nothing was to be written. Else a failure, with one more line of words."""
    before = usual(command)
    assert b"Traceback" not in stderr
    if not before.stdout:
        assert (status, stderr) == (before.returncode, before.stderr)
    elif is_python(command):
        assert status == (before.returncode or LOST)
        name = Path(command.split()[0]).stem
        assert re.fullmatch(rf"{name}: standard output: [\w ]+\n".encode(), stderr), stderr
    else:
        assert status != 0 and len(stderr.splitlines()) <= 1


def test_every_script_is_asked() -> None:
    asked = {command.split()[0] for command in COMMANDS}
    scripts = {
        str(path.relative_to(ROOT))
        for directory in DIRECTORIES
        for path in (ROOT / directory).iterdir()
        if path.suffix in (".py", ".sh") and path.read_bytes().startswith(b"#!")
    }
    assert scripts and asked == scripts


@pytest.mark.parametrize("command", COMMANDS)
def test_no_input_is_needed(command: str) -> None:
    before, done = usual(command), run(command, "<&-")
    assert (done.returncode, done.stdout, done.stderr) == (
        before.returncode, before.stdout, before.stderr,
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("redirection", (">&-", ">/dev/full"))
def test_lost_output_is_told(command: str, redirection: str) -> None:
    done = run(command, redirection)
    demand_told_loss(command, done.returncode, done.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_any_stream_the_status_tells(command: str) -> None:
    before, done = usual(command), run(command, ALL_CLOSED)
    if is_python(command):
        assert done.returncode == (before.returncode or (LOST if before.stdout else 0))
    else:
        assert done.returncode != 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_left_is_told(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            words_of(command), cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    demand_told_loss(command, done.returncode, done.stderr)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("redirection", ("2>&-", "2>/dev/full"))
def test_lost_messages_change_neither_status_nor_output(command: str, redirection: str) -> None:
    before, done = usual(command), run(command, redirection)
    if is_python(command):
        assert (done.returncode, done.stdout) == (before.returncode, before.stdout)
    else:
        assert (done.returncode == 0, done.stdout) == (before.returncode == 0, before.stdout)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_the_locale_changes_nothing(command: str, environment: dict[str, str]) -> None:
    before, done = usual(command), run(command, **environment)
    # What bash says of a locale that the host does not have is its own affair.
    stderr = re.sub(rb"bash: warning: setlocale: .*\n", b"", done.stderr)
    assert (done.returncode, stderr) == (before.returncode, before.stderr)
    assert done.stdout.count(b"\n") == before.stdout.count(b"\n")
    if before.stdout.isascii():
        assert done.stdout == before.stdout
