"""The seed of a run, from which all follows that a test draws at random.

`make test` draws a new one each time, prints it, and takes another from SEED=. Tests that use it are
marked `random`: `make test-seeds` repeats these with many seeds.
"""

from __future__ import annotations

import os
import random
import re

from harness.qemu.drawn_machine import SEED_END


def choose() -> int:
    """The seed of this run: that of the environment, in which a new one is left for the workers.

    Raises ValueError for a SEED that is no number of 64 bits.
    """
    if not os.environ.get("SEED"):
        os.environ["SEED"] = str(random.SystemRandom().getrandbits(32))
    return run_seed()


def run_seed() -> int:
    """The seed of this run, 0 to 2^64 - 1."""
    text = os.environ["SEED"]
    found = re.fullmatch(r"0x[0-9a-fA-F]+|[0-9]+", text, re.ASCII)
    value = int(text, 16 if text.startswith("0x") else 10) if found else SEED_END
    if value >= SEED_END:
        raise ValueError(f"SEED={text}: expected a number of 64 bits, decimal or with 0x")
    return value


def nth_seed(index: int) -> int:
    """The seed behind the run's, and so on: for what takes several."""
    return (run_seed() + index) % SEED_END


def random_of(name: str) -> random.Random:
    """Numbers that follow from the run's seed; other names have others."""
    return random.Random(f"{run_seed()} {name}")


def again() -> str:
    """How the user repeats what the run's seed has drawn."""
    return f"make test SEED={run_seed()}"
