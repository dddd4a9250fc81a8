"""What the documents show of code and output is what the project has, and the check can tell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from c_definitions import find_definition
from check_fragments import check
from assay.tree import ROOT

CODE = """\
/*
 * A file with what the check must find its way through.
 *
 *     | second line |
 */
#define LIMIT 5
#define SUM(a, b)                                                                                  \\
    ((a) + (b))

enum { FIRST_SLOT = 1, SLOT_COUNT };

struct walk {
    int level; /* } */
};

/* walk_to is declared here. */
static int walk_to(struct walk *walk,
                   const char *name);

static const char *const names[2] = {
    "a{", /* { */
    "b",
};

__attribute__((noinline)) static int
walk_to(struct walk *walk, const char *name)
{
    if (name[0] == '{') {
        walk->level = LIMIT;
    }
    return names[0] == name;
}

TEST(walk, ends_at_a_leaf, .requires = 0)
{
    CHECK(walk_to(0, "x"));
}
"""

# What a marker asks for, and the lines that it should get.
DEFINITIONS = {
    "LIMIT": "#define LIMIT 5",
    "SUM": "#define SUM(a, b)" + " " * 82 + "\\\n    ((a) + (b))",
    "SLOT_COUNT": "enum { FIRST_SLOT = 1, SLOT_COUNT };",
    "walk": "struct walk {\n    int level; /* } */\n};",
    "names": 'static const char *const names[2] = {\n    "a{", /* { */\n    "b",\n};',
    "walk_to": "__attribute__((noinline)) static int\nwalk_to(struct walk *walk, const char *name)\n"
    "{\n    if (name[0] == '{') {\n        walk->level = LIMIT;\n    }\n    return names[0] == name;\n}",
    "walk.ends_at_a_leaf": "TEST(walk, ends_at_a_leaf, .requires = 0)\n{\n"
    '    CHECK(walk_to(0, "x"));\n}',
    'from "if (" to "}"': "if (name[0] == '{') {\n    walk->level = LIMIT;\n}",
    'from "return names"': "return names[0] == name;",
    'from "A file" to "second"': "A file with what the check must find its way through.\n\n"
    "    | second line |",
    "LIMIT walk": "#define LIMIT 5\n\nstruct walk {\n    int level; /* } */\n};",
}

# What is wrong with a marker, and what must be said of it.
BAD_MARKERS = {
    "code: mm/absent.c f": "cannot read mm/absent.c",
    "code: mm/walk.c": "what of mm/walk.c",
    "code: mm/walk.c walk_from": "no walk_from in mm/walk.c",
    'code: mm/walk.c from "nowhere" to "}"': "no lines contain 'nowhere'",
    'code: mm/walk.c from "walk" to "}"': "lines contain 'walk'; it takes one",
    'code: mm/walk.c from "if (" to "nowhere"': "no line behind 'if (' contains 'nowhere'",
    'code: mm/walk.c from "if (" until "}"': "is not: from TEXT [to TEXT]",
    "output: ./print.sh": "which lines of the output?",
    "output: ./absent.sh from x": "No such file",
    "output: ./print.sh from nowhere": "no lines contain 'nowhere'",
}

OUTPUT = """\
Translations:
  code   0xffffffff8020d900 -> 0x20d900 (4 KiB page)
  offset 0xffff800000000000 -> 0x0 (1 GiB page)
"""


def run_check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "ci" / "check_fragments.py"), *(str(word) for word in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def project(root: Path, marker: str, block: str, language: str = "c") -> Path:
    """A project with CODE, a command that prints OUTPUT, and a document with one block."""
    (root / "mm").mkdir(exist_ok=True)
    (root / "docs").mkdir(exist_ok=True)
    (root / "mm/walk.c").write_text(CODE)
    (root / "print.sh").write_text(f"#!/bin/sh\ncat <<'end'\n{OUTPUT}end\n")
    (root / "print.sh").chmod(0o755)
    document = root / "docs/paging.md"
    document.write_text(f"Text.\n\n<!-- {marker} -->\n```{language}\n{block}\n```\n\nMore.\n")
    return document


@pytest.mark.parametrize("kind", ["code", "output"])
def test_the_projects_documents_show_what_is_so(kind: str) -> None:
    result = run_check("--only", kind)
    assert result.returncode == 0, result.stdout + result.stderr


def faults(root: Path) -> list[str]:
    return [str(violation) for violation in check(root, ("code", "output"))[0]]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_found(tmp_path: Path, name: str) -> None:
    project(tmp_path, f"code: mm/walk.c {name}", DEFINITIONS[name])
    assert faults(tmp_path) == []


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_changed_line_of_the_source_is_reported(tmp_path: Path, name: str) -> None:
    block = DEFINITIONS[name]
    lines = block.split("\n")
    for number, line in enumerate(lines):
        changed = [*lines[:number], line + " ", *lines[number + 1 :]]
        project(tmp_path, f"code: mm/walk.c {name}", "\n".join(changed))
        found = faults(tmp_path)
        assert len(found) == 1 and found[0].startswith("docs/paging.md:4: shows "), line


def test_a_line_too_many_or_too_few_is_reported(tmp_path: Path) -> None:
    block = DEFINITIONS["walk"]
    for shown in (block + "\n", block.rpartition("\n")[0]):
        project(tmp_path, "code: mm/walk.c walk", shown)
        assert "lines, the source has 3" in faults(tmp_path)[0]


@pytest.mark.parametrize("marker", BAD_MARKERS)
def test_a_marker_that_leads_nowhere_is_reported(tmp_path: Path, marker: str) -> None:
    project(tmp_path, marker, "x")
    found = faults(tmp_path)
    assert len(found) == 1 and BAD_MARKERS[marker] in found[0], found


def test_output_is_compared(tmp_path: Path) -> None:
    marker = './print.sh from "code" to "offset"'
    lines = [line.strip() for line in OUTPUT.rstrip("\n").split("\n")[1:]]
    project(tmp_path, f"output: {marker}", "\n".join(lines), "text")
    assert faults(tmp_path) == []
    # Where the image is linked and loaded may change, and nothing else.
    for place in ("21ab10", "3fff10"):
        moved = lines[0].replace("20d900", place)
        document = project(tmp_path, f"output: {marker}", f"{moved}\n{lines[1]}", "text")
        assert faults(tmp_path) == []
        assert run_check("--update", tmp_path).returncode == 0
        assert moved in document.read_text()
    outside = lines[0].replace(" 0x20d900", " 0x400900")
    project(tmp_path, f"output: {marker}", f"{outside}\n{lines[1]}", "text")
    assert "the source has 'code" in faults(tmp_path)[0]
    for wrong in (lines[1].replace("1 GiB", "2 MiB"), lines[1].replace("0x0 ", "0x1000 ")):
        project(tmp_path, f"output: {marker}", f"{lines[0]}\n{wrong}", "text")
        assert "the source has 'offset" in faults(tmp_path)[0], wrong


@pytest.mark.parametrize(
    ("marker", "block"),
    [("code: mm/walk.c walk_to", "old\nlines"), ('output: ./print.sh from "code" to "offset"', "")],
)
def test_update_takes_over_what_is_so(tmp_path: Path, marker: str, block: str) -> None:
    document = project(tmp_path, marker, block)
    before = document.read_text()
    assert run_check(tmp_path).returncode == 1
    assert document.read_text() == before
    assert run_check("--update", tmp_path).returncode == 0
    assert run_check(tmp_path).returncode == 0
    after = document.read_text()
    assert after.startswith(f"Text.\n\n<!-- {marker} -->\n```c\n") and after.endswith("```\n\nMore.\n")


def test_update_does_not_hide_what_it_cannot_mend(tmp_path: Path) -> None:
    project(tmp_path, "code: mm/walk.c walk_from", "x")
    assert run_check("--update", tmp_path).returncode == 1


def test_a_block_of_code_says_where_it_is_from(tmp_path: Path) -> None:
    document = project(tmp_path, "code: mm/walk.c LIMIT", DEFINITIONS["LIMIT"])
    for language, status in {"c": 1, "text": 1, "sh": 0, "": 0}.items():
        (tmp_path / "README.md").write_text(f"```{language}\nf();\n```\n")
        assert run_check(tmp_path).returncode == status, language
    (tmp_path / "README.md").write_text("<!-- example: of style -->\n```c\nf();\n```\n")
    assert run_check(tmp_path).returncode == 0
    document.unlink()
    assert run_check(tmp_path).returncode == 1, "nothing was compared"


def test_the_functions_of_the_library_are_found() -> None:
    for name, first in {
        "map.c build_branch": "__attribute__((noinline)) static enum map_result",
        "walk.h walk_step": "__attribute__((always_inline)) static inline bool",
        "page_entry.h page_flags": "typedef struct page_flags {",
        "page_entry.h PAGE_HUGE": "#define PAGE_HUGE (UINT64_C(1) << 7)  /* levels 2 and 3 */",
        "page_table.h map_result": "enum map_result {",
        "page_table.h page_table_unmap": "__attribute__((warn_unused_result)) static inline "
        "struct unmap_outcome",
        "frame_source.c frame_source_empty": "struct frame_source *frame_source_empty(void)",
    }.items():
        path, what = name.split()
        lines = find_definition((ROOT / "mm" / path).read_text(), what)
        assert lines[0] == first
        assert len(lines) == 1 or lines[-1].endswith((";", "}"))
