"""What ranges of a machine's addresses are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class NamedRange:
    """What the addresses in [start, end) are for."""

    start: int
    end: int
    name: str


def outermost(names: Sequence[NamedRange], start: int, end: int) -> list[NamedRange]:
    """The ranges that meet [start, end), but for those inside another."""
    met = [item for item in names if item.start < end and start < item.end]
    return [item for item in met if not any(_inside(item, other) for other in met)]


def innermost(names: Sequence[NamedRange], start: int, end: int) -> list[NamedRange]:
    """The ranges that meet [start, end), but for those with another inside."""
    met = [item for item in names if item.start < end and start < item.end]
    return [item for item in met if not any(_inside(other, item) for other in met)]


def _inside(inner: NamedRange, outer: NamedRange) -> bool:
    return inner is not outer and outer.start <= inner.start and inner.end <= outer.end
