"""Dumps of page tables, drawn: a picture and a page of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.host.whole_file import write_whole
from harness.pages.snapshot import load


def write_pictures(dumps: Sequence[Path], stem: Path) -> tuple[Path, Path]:
    """Draws one dump or compares two. *Returns:* the SVG and the page, beside each other.

    Raises DumpError, OSError, and ImportError without jinja2.
    """
    snapshots = [load(path) for path in dumps]
    from harness.pages.page import render

    svg, page = render(snapshots)
    paths = tuple(stem.with_name(stem.name + suffix) for suffix in (".svg", ".html"))
    for path, text in zip(paths, (svg, page)):
        write_whole(path, text)
    return paths[0], paths[1]
