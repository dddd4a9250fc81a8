"""The kernel's translations against those of QEMU's own walker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assay.machines import ACCESS_WAYS, PROFILES
from assay.second_opinion import Claim, compare, differences
from seed import nth_seed, run_seed

# 17 places of the kernel, 16 pages of at least two sizes with 8 addresses each, 128 random ones.
CLAIMS_MIN = 17 + 2 * 16 * 8 + 128


def no_difference(claims: list[Claim], ask: Callable[[int], int | None]) -> None:
    assert len(claims) >= CLAIMS_MIN
    lines = differences(claims, ask)
    assert not lines, "\n".join(lines)


@pytest.mark.random
@pytest.mark.parametrize("levels", (4, 5))
@pytest.mark.parametrize("access", ("offset", *ACCESS_WAYS))
def test_qemu_translates_as_the_kernel_does(access: str, levels: int) -> None:
    words = f"access={access} paging={levels} seed={run_seed()}"
    compare(PROFILES["fast"], words, no_difference)


@pytest.mark.random
def test_also_without_1g_pages_and_no_execute() -> None:
    compare(PROFILES["nofeatures"], f"seed={nth_seed(1)}", no_difference)


def test_pages_of_each_size_are_among_them() -> None:
    def look(claims: list[Claim], ask: Callable[[int], int | None]) -> None:
        offsets = {
            (claim.virtual ^ claim.physical) & 0x3FFF_FFFF
            for claim in claims
            if claim.physical is not None
        }
        for bits in (12, 21, 30):
            assert any(offset & ((1 << bits) - 1) == 0 for offset in offsets)
        assert sum(claim.physical is None for claim in claims) > 30

    compare(PROFILES["fast"], "", look)


def test_each_claim_that_is_wrong_is_found() -> None:
    def look(claims: list[Claim], ask: Callable[[int], int | None]) -> None:
        for claim in claims[::20]:
            lie = replace(claim, physical=None if claim.physical is not None else 0x1000)
            assert len(differences([lie], ask)) == 1
            if claim.physical is not None:
                lie = replace(claim, physical=claim.physical ^ 1 << 12)
                assert len(differences([lie], ask)) == 1

    compare(PROFILES["fast"], "", look)
