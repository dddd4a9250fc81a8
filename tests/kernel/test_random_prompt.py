"""No command of the prompt ends the kernel, unless that is its purpose or `force` asks for it.

`make drive-prompt` types 2,000 commands on each machine; COMMANDS= and SEED= say how many and which.
"""

from __future__ import annotations

import os

import pytest

from prompt_driver import Machine, drive
from prompt_grammar import STRATEGIES, parse_usage
from seed import run_seed

COMMANDS = int(os.environ.get("COMMANDS") or 150)


@pytest.mark.parametrize("levels", (4, 5))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_random_commands_do_not_end_the_kernel(strategy: str, levels: int) -> None:
    machine = Machine(f"access={strategy} paging={levels}", "fast" if levels == 4 else "la57")
    failure = drive(machine, run_seed(), COMMANDS)
    again = f"make drive-prompt SEED={run_seed()} COMMANDS={COMMANDS} K='{strategy} and {levels}'"
    assert failure is None, f"after {machine.words!r}:\n{failure}\nagain: {again}"


def test_the_usage_of_a_command_is_understood() -> None:
    name, words = parse_usage("map VA PA|new [SIZE] [pages=4K|2M|1G]: maps: pages")
    assert name == "map"
    assert [word.choices for word in words] == [
        ["VA"], ["PA", "new"], ["SIZE"], ["pages=4K", "pages=2M", "pages=1G"],
    ]
    assert [word.optional for word in words] == [False, False, True, True]
