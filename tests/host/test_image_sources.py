"""An image is of the sources that are there, by content, and a disc holds the image beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assay import second_opinion
from assay.machines import PROFILES
from assay.project import PROJECT
from assay.tree import ROOT
from harness.debugger.session import debug
from harness.host.fault import EnvironmentFault
from harness.image import sources as image_sources
from harness.image.elf_file import SHF_ALLOC, SHT_PROGBITS
from harness.image.sources import find_fault
from harness.machine import project
from harness.pages import boot_map
from harness.qemu.command_line import qemu_binary
from harness.suite import kernel_tests
from made_elf import write_elf
from make.image_sources import sources_of

BUILD_ID = b"\x04\0\0\0\x14\0\0\0\3\0\0\0GNU\0" + bytes(range(20))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources of one image: a.c, a.h; b.c lies beside them and is not used."""
    monkeypatch.setattr(project, "_project", replace(PROJECT, root=tmp_path))
    (tmp_path / "Makefile").write_text("all:\n")
    (tmp_path / "src").mkdir()
    for name in ("a.c", "a.h", "b.c"):
        (tmp_path / "src" / name).write_text(name)
    (tmp_path / "a.c.d").write_text("a.c.o: src/a.c \\\n  src/a.h\nsrc/a.h:\n")
    return tmp_path


def image_of(tree: Path, name: str = "image.elf", build_id: bytes = BUILD_ID) -> Path:
    listed = sources_of([tree / "a.c.o"], ["Makefile"]).encode()
    image_sources.forget()
    sections = [(b".sources", SHT_PROGBITS, 0, 0, listed),
                (b".build_id", SHT_PROGBITS, SHF_ALLOC, 0x1000, build_id)]
    return write_elf(tree / name, sections)


def test_an_image_of_the_sources_that_are_there_is_right(tree: Path) -> None:
    image = image_of(tree)
    assert find_fault(image) is None


def test_the_times_of_files_do_not_count(tree: Path) -> None:
    image = image_of(tree)
    for path in tree.rglob("*"):
        os.utime(path, (1e9, 1e9) if path == image else (2e9, 2e9))
    assert find_fault(image) is None


CHANGES = {
    "src/a.c has changed": lambda tree: (tree / "src/a.c").write_text("other"),
    "src/a.h has changed": lambda tree: (tree / "src/a.h").write_text("a.h\n"),
    "Makefile has changed": lambda tree: (tree / "Makefile").write_text("all: x\n"),
    "src/a.h is gone": lambda tree: (tree / "src/a.h").unlink(),
    "src/c.c is new": lambda tree: (tree / "src/c.c").touch(),
}


@pytest.mark.parametrize("text", CHANGES)
def test_a_source_that_is_another_is_named(tree: Path, text: str) -> None:
    image = image_of(tree)
    CHANGES[text](tree)
    assert find_fault(image) == f"{image} is not of these sources: {text}; `make` builds it"


def test_what_is_no_source_of_the_image_does_not_count(tree: Path) -> None:
    image = image_of(tree)
    (tree / "src" / "b.c").write_text("not used")
    (tree / "src" / "note.txt").touch()
    (tree / "src" / ".a.c.swp.c").touch()
    assert find_fault(image) is None


def test_without_the_sources_there_is_nothing_to_compare_with(tree: Path) -> None:
    image = image_of(tree)
    (tree / "Makefile").unlink()
    (tree / "src" / "a.c").unlink()
    assert find_fault(image) is None


def test_an_image_that_does_not_say_what_it_is_of_is_refused(tree: Path) -> None:
    image = write_elf(tree / "image.elf", [(b".other", SHT_PROGBITS, 0, 0, b"")])
    image_sources.forget()
    assert "does not say what it was made of" in str(find_fault(image))
    image.write_text("no ELF file")
    image_sources.forget()
    assert "is no ELF file" in str(find_fault(image))


def test_a_disc_holds_the_image_beside_it(tree: Path) -> None:
    image_of(tree)
    disc = tree / "image.iso"
    disc.write_bytes(b"CD001" + BUILD_ID + b"more")
    assert find_fault(disc) is None
    image_of(tree, build_id=BUILD_ID[:-1] + b"?")
    assert find_fault(disc) == f"{disc} does not hold image.elf as it is; `make` builds it"


def test_an_image_that_is_replaced_while_a_run_goes_on_is_no_longer_taken(tree: Path) -> None:
    image = image_of(tree)
    assert find_fault(image) is None
    copy = tree / "copy"
    copy.write_bytes(image.read_bytes())
    copy.rename(image)
    assert find_fault(image) == f"{image} was rebuilt during this run; run it again"
    image_sources.forget()
    assert find_fault(image) is None


IMAGES = ("assay", "assay-test", "assay-second-opinion")
FAST = PROFILES["fast"]
BOOTING: dict[str, Callable[[], object]] = {
    "second opinion": lambda: second_opinion.compare(FAST, "", lambda claims, ask: None),
    "debug": lambda: debug(FAST, "assay", "", "kernel_entry"),
    "map": lambda: boot_map.kernel_tables(FAST, "assay", "", "> "),
    "test": lambda: kernel_tests.boot_tests((), FAST, "a.b"),
    "tests": kernel_tests.read_test_image,
}


def stale_images(build: Path) -> None:
    """Images whose Makefile was another, as it seems."""
    digest = sources_of([], ["Makefile"]).partition(" ")[0].encode()
    for name in IMAGES:
        content = (ROOT / "build" / f"{name}.elf").read_bytes()
        assert digest in content
        (build / f"{name}.elf").write_bytes(content.replace(digest, b"0" * 64))


@pytest.mark.parametrize("way", BOOTING)
def test_whatever_boots_an_image_refuses_one_of_other_sources(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_images(tmp_path)
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))
    with pytest.raises(EnvironmentFault, match="is not of these sources: Makefile has"):
        BOOTING[way]()


@pytest.mark.parametrize("command", [["list"], ["test"], ["test", "--profile", "fast"]])
def test_the_runner_refuses_an_image_of_other_sources(tmp_path: Path, command: list[str]) -> None:
    stale_images(tmp_path)
    result = run(command, ASSAY_BUILD=str(tmp_path))
    assert result.returncode == 3
    (line,) = result.stderr.splitlines()
    assert "is not of these sources: Makefile has changed; `make` builds it" in line
    assert result.stdout == ""


@pytest.mark.parametrize("qemu_ends_well", [True, False])
def test_a_run_ends_when_its_image_is_built_anew(tmp_path: Path, qemu_ends_well: bool) -> None:
    """The first boot replaces the image: no later one may take it, nor may its own failure count."""
    built, image, qemu = ROOT / "build" / "assay-test.elf", tmp_path / "assay-test.elf", tmp_path / "qemu"
    shutil.copy(built, image)
    boot = f'exec {qemu_binary()} "$@"' if qemu_ends_well else "exit 35"
    qemu.write_text(f"#!/bin/sh\ncp {image} {tmp_path}/new && mv {tmp_path}/new {image}\n{boot}\n")
    qemu.chmod(0o755)
    result = run(["test", "map_to.refuses*"], ASSAY_BUILD=str(tmp_path), QEMU=str(qemu))
    assert result.returncode == 3, result.stdout
    assert result.stderr == f"qemu_runner: {image} was rebuilt during this run; run it again\n"


def run(command: list[str], **settings: str) -> subprocess.CompletedProcess[str]:
    """The runner's command."""
    runner = ROOT / "scripts" / "qemu_runner.py"
    return subprocess.run(
        [sys.executable, str(runner), *command], capture_output=True, text=True, check=False,
        env={**os.environ, **settings},
    )
