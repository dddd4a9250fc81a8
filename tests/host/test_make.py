"""What `make` links again, and which tests it refuses to build, in a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from assay.tree import ROOT
from harness.image.elf_file import ElfFile
from harness.image.test_records import read_tests
from source_tree import copy_directories

COMPILER = Path(os.environ.get("CC", "gcc")).name
OBJECTS = Path("build") / COMPILER
IMAGE = OBJECTS / "assay-test.elf"
UNIT_TESTS = Path("build") / "host" / "unit_tests"
EXTRA = """\
#include "{directory}/extra.h"
#include "testing/test.h"

TEST(extra, {sentence}{more}) {{ CHECK_EQUAL(EXTRA, 1); }}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources and the objects, with their times: only what changes is made."""
    root = tmp_path_factory.mktemp("make") / "tree"
    root.mkdir()
    if not (ROOT / OBJECTS).is_dir():
        pytest.skip(f"nothing was built with {COMPILER}")
    for path in (ROOT / "Makefile", ROOT / "VERSION", *ROOT.glob("*.mk")):
        shutil.copy2(path, root)
    copy_directories(root, "kernel", "mm", "testing", "tests", "scripts")
    unused = shutil.ignore_patterns("libmm", "bench", "*.unnamed", "artifacts")
    shutil.copytree(ROOT / OBJECTS, root / OBJECTS, ignore=unused)
    return root


def make(tree: Path, *targets: Path | str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-s", f"CC={COMPILER}", *map(str, targets)]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def write_extra(tree: Path, directory: str, sentence: str = "is_here", more: str = "") -> None:
    (tree / directory / "extra.h").write_text("#define EXTRA 1\n")
    text = EXTRA.format(directory=directory, sentence=sentence, more=more)
    (tree / directory / "extra_test.c").write_text(text)


def names(tree: Path, image: Path) -> set[str]:
    read_tests.cache_clear()
    return {test.name for test in read_tests(tree / image)}


@pytest.mark.parametrize(
    "directory, image", [("tests/kernel", IMAGE), ("tests/host", UNIT_TESTS)], ids=["kernel", "host"]
)
def test_a_test_file_that_is_deleted_leaves_the_image(
    tree: Path, directory: str, image: Path
) -> None:
    write_extra(tree, directory)
    made = make(tree, image)
    assert made.returncode == 0, made.stderr
    assert "extra.is_here" in names(tree, image)
    (tree / directory / "extra_test.c").unlink()
    (tree / directory / "extra.h").unlink()
    made = make(tree, image)
    assert made.returncode == 0, made.stderr
    left = names(tree, image)
    assert left and "extra.is_here" not in left
    before = (tree / image).stat().st_mtime_ns
    assert make(tree, image).returncode == 0
    assert (tree / image).stat().st_mtime_ns == before


REFUSED = {
    "a name that is too long": ("s" * 122, "", "is not longer than TEST_NAME_BYTES_MAX"),
    "a name that is not ASCII": ("pr\u00fcft", "", "the name of a test is ASCII"),
    "no name": ("", "", "a test has a name"),
    "a tag that is too long": ("tagged", f', .tags = "slow {"t" * 32}"', "has 32 characters"),
    "an expected failure without a text": (
        "fails", ', .expect_failure = ""', "does not say by which check"),
    "a limit that is too long": ("waits", ", .timeout_ms = 3000000000u", "no test more than 3600000"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_boot_would_refuse_does_not_build(tree: Path, case: str) -> None:
    sentence, more, text = REFUSED[case]
    write_extra(tree, "tests/kernel", sentence, more)
    try:
        made = make(tree, IMAGE)
        assert made.returncode != 0
        assert text in made.stderr, made.stderr
        assert not (tree / IMAGE).exists() or not more
    finally:
        (tree / "tests/kernel/extra_test.c").unlink()
        (tree / "tests/kernel/extra.h").unlink()


def test_a_name_of_the_greatest_length_builds(tree: Path) -> None:
    write_extra(tree, "tests/kernel", "s" * 121)
    made = make(tree, OBJECTS / "tests/kernel/extra_test.c.o")
    (tree / "tests/kernel/extra_test.c").unlink()
    (tree / "tests/kernel/extra.h").unlink()
    assert made.returncode == 0, made.stderr
    assert ElfFile(tree / OBJECTS / "tests/kernel/extra_test.c.o").section("test_cases") is not None
