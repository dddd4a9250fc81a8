"""The reference of mm/ and testing/: Doxygen finds nothing to warn of, and the comments arrive."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import pytest

from assay.tree import ROOT

# All that `make doxygen` reads besides the headers.
COPIED = ("Makefile", "settings.mk", "VERSION", "docs/Doxyfile", "docs/mm.md", "scripts/make/doxygen_filter.awk")


def make(build: Path, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = ["make", f"BUILD={build}", "doxygen", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("reference")
    done = make(build)
    assert done.returncode == 0, done.stdout + done.stderr
    return build / "doxygen" / "html"


def text_of(page: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.read_text())).split())


def test_each_header_has_a_page_that_begins_with_its_purpose(pages: Path) -> None:
    for directory in ("mm", "testing"):
        headers = sorted((ROOT / directory).glob("*.h"))
        assert headers
        for header in headers:
            # Doxygen writes an underscore twice, and a dot as _8.
            page = pages / f"{header.name.replace('_', '__').replace('.', '_8')}.html"
            first = re.match(r"/\* (\w+ \w+)", header.read_text())
            assert first is not None and first[1] in text_of(page), header


@pytest.mark.parametrize(
    "page, text",
    [
        ("page__table_8h.html", "Translates any address, also inside huge pages."),
        ("page__table_8h.html", "the source gave a frame that the access cannot reach"),
        ("page__table_8h.html", "Flush everything, if a table on the way was widened."),
        ("page__tree_8h.html", "Returns MAP_OK, or MAP_ALREADY_MAPPED if the entry is in use."),
        ("address__space_8h.html", "Precondition one caller at a time for a space"),
    ],
)
def test_comments_arrive_with_what_they_are_about(pages: Path, page: str, text: str) -> None:
    assert text in text_of(pages / page)


def test_a_comment_that_doxygen_does_not_understand_is_an_error(tmp_path: Path) -> None:
    """With a copy, in which one comment has a command that does not exist."""
    for name in COPIED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    header = tmp_path / "mm" / "lonely.h"
    for directory in ("mm", "testing"):
        (tmp_path / directory).mkdir()
    header.write_text("/* One function. */\n#pragma once\n\n/* Does it. */\nvoid lonely(void);\n")
    good = make(tmp_path / "build", cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    header.write_text(header.read_text().replace("Does it.", "Does @nothing of it."))
    bad = make(tmp_path / "build", cwd=tmp_path)
    assert bad.returncode != 0
    assert "lonely.h:4" in bad.stderr and "nothing" in bad.stderr
