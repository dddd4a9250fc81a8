"""Settings of the Makefile: wrong ones are refused by name, and free text arrives unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.machines import PROFILES
from assay.tree import ROOT

WRONG = [
    ("BOOT=biso", "BOOT=biso: expected bios, uefi, pvh"),
    ("BOOT=", "BOOT=: expected bios, uefi, pvh"),
    ("BOOT=bios|uefi", "BOOT=bios|uefi: expected bios, uefi, pvh"),
    ("DISPLAY_MODE=windows", "DISPLAY_MODE=windows: expected none, window"),
    ("CC=tcc", "CC=tcc: expected gcc, clang"),
    ("CC=ccache gcc", "CC=ccache gcc: expected gcc, clang"),
    ("CC=/usr/bin/ccache /usr/bin/gcc", "CC=/usr/bin/ccache /usr/bin/gcc: expected gcc, clang"),
    ("JOBS=x", "JOBS=x: expected auto, a number from 1"),
    ("JOBS=0", "JOBS=0: expected auto, a number from 1"),
    ("PROFILE=fsat", f"PROFILE=fsat: expected {', '.join(PROFILES)}"),
    ("V=2", "V=2: expected 0, 1"),
    ("MEMORY=64X", "MEMORY=64X: expected a size such as 64M"),
    ("CPUS=0", "CPUS=0: expected a number from 1"),
    ("SEED=-1", "SEED=-1: expected a number"),
    ("SEEDS=1-", "SEEDS=1-: expected FIRST-LAST"),
    ("COMMANDS=2e3", "COMMANDS=2e3: expected a number from 1"),
    ("ACCEL=abacus", "ACCEL=abacus: expected tcg, kvm"),
    ("BUILD=", "BUILD=: expected a directory with a path of letters and digits and _./+@~-"),
    ("BOT=bios", "BOT=bios: there is no setting BOT"),
    ("boot=bios", "boot=bios: there is no setting boot"),
    ("CFLAGS=-O3", "CFLAGS=-O3: there is no setting CFLAGS"),
]
RIGHT = [
    "BOOT=uefi", "CC=/usr/bin/gcc-12", "CC=x86_64-linux-gnu-gcc", "CC=clang", "JOBS=auto", "JOBS=3",
    "SEED=0x1f", "SEED=", "MEMORY=1G", "MEMORY=", "CPU=max,-nx", "CPUS=4", "PROFILE=la57", "PROFILE=",
    "V=1", "WORDS=once seed=1", "K=a and not b",
]
HOSTILE = ["once seed=1", "it's", 'a "b" c', "$HOME $(HOME) $$ `id`", "a,b\\c", "-x", "#no comment", "é"]


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in os.environ if name not in ("MAKEFLAGS", "ACCEL")}
    return subprocess.run(
        ["make", "-s", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**inherited, **environment},
    )


@pytest.mark.parametrize(("setting", "said"), WRONG, ids=[setting for setting, _ in WRONG])
def test_a_wrong_setting_is_refused_by_name_before_anything_is_built(
    setting: str, said: str, tmp_path: Path
) -> None:
    build = [] if setting.startswith("BUILD") else [f"BUILD={tmp_path}/build"]
    done = make("run", *build, setting)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and f" {said}; `make help` lists" in done.stderr
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("setting", RIGHT)
def test_right_settings_are_taken(setting: str) -> None:
    done = make("-n", "clean", setting)
    assert (done.returncode, done.stderr) == (0, "")


def test_only_what_is_meant_to_be_is_taken_from_the_environment() -> None:
    assert make("-n", "clean", BOOT="biso", PORT="8080", CPU="x y", V="7").returncode == 0
    assert "ACCEL=abacus: expected tcg, kvm" in make("-n", "clean", ACCEL="abacus").stderr


def test_help_lists_every_setting_that_a_target_names() -> None:
    listed = make("help").stdout.partition("settings")[2]
    names = {line.split()[0] for line in listed.splitlines()[1:]}
    shown = subprocess.run(["grep", "-oE", "[A-Z_]+=", ROOT / "Makefile"], capture_output=True,
                           text=True, check=True).stdout
    assert {setting.partition("=")[0] for setting, _ in WRONG[:16]} <= names
    # Doxygen's, the shell's, and a macro of the assembler's and the linker's.
    others = {"PROJECT_NUMBER", "PWD", "TMPDIR", "KERNEL_BASE", "DKERNEL_BASE"}
    assert {name.rstrip("=") for name in shown.split()} - others - names == set()


@pytest.mark.parametrize("words", HOSTILE)
def test_words_and_settings_of_the_machine_reach_the_runner_unchanged(
    words: str, tmp_path: Path
) -> None:
    echo = tmp_path / "python"
    echo.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    echo.chmod(0o755)
    settings = ("BOOT=pvh", "MEMORY=64M", "CPU=max,-nx", "CPUS=2", f"WORDS={words}")
    # What the target is made of is taken as built.
    done = make("run", "-o", "build/assay.elf", f"PYTHON={echo}", *settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [
        "scripts/qemu_runner.py", "run", "--boot", "pvh", "--display", "none", "--memory", "64M",
        "--cpu", "max,-nx", "--cpus", "2", f"--append={words}",
    ]


@pytest.mark.parametrize("build", ["build", "elsewhere"])
def test_the_results_of_a_run_are_where_the_report_reads_them(build: str) -> None:
    assert f"--junitxml='{build}/junit.xml' " in make("-n", "test", f"BUILD={build}").stdout
    assert f"--junit {build}/junit.xml " in make("-n", "report", f"BUILD={build}").stdout


def test_the_file_of_the_results_can_have_any_name() -> None:
    assert "--junitxml='x $(y).xml' " in make("-n", "test", "JUNIT=x $(y).xml").stdout
