"""Machines drawn at random: the tests hold on them, and a number always draws the same one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from assay.machines import PROFILES
from harness.host.fault import EnvironmentFault
from harness.machine.profile import Feature, Firmware
from harness.qemu.command_line import image_path
from harness.qemu.drawn_machine import SEED_END, draw, is_machine, machine_named
from harness.qemu.offers import Offers, offers, provided
from harness.suite.kernel_tests import boot_tests, read_test_image
from seed import nth_seed

SAMPLE = 12
FAST = PROFILES["fast"]


@pytest.mark.parametrize("index", range(SAMPLE))
def test_the_suite_passes_on_a_drawn_machine(index: int) -> None:
    profile = machine_named(f"matrix-{nth_seed(index)}")
    verdict = boot_tests(read_test_image(), profile, "*")
    if not verdict.green:
        pytest.fail(f"{profile.name}: {profile.sentence}\n{verdict.message}", pytrace=False)


def test_a_number_draws_the_same_machine_each_time_and_others_draw_others() -> None:
    machines = [draw(seed, offers()) for seed in range(300)]
    assert machines == [draw(seed, offers()) for seed in range(300)]
    assert len({profile.sentence for profile in machines}) > 290
    firmwares = Counter(profile.firmware for profile in machines)
    assert set(firmwares) == set(Firmware)
    assert max(firmwares.values()) < 200
    assert any("access=" in profile.words for profile in machines)
    assert any("paging=5" in profile.words for profile in machines)
    assert len({profile.cpu.partition(",")[0] for profile in machines}) > 50


def test_what_qemu_offers_is_read_from_its_own_lists() -> None:
    assert {"pc", "q35", "microvm", "isapc"} <= set(offers().boards)
    assert {"max", "qemu64", "Skylake-Client", "EPYC"} <= set(offers().cpu_models)
    assert {"nx", "pge", "pdpe1gb", "syscall"} <= set(offers().cpu_flags)
    assert not {"Supported", "machines"} & set(offers().boards)


def test_a_qemu_without_some_boards_and_models_is_drawn_from_all_the_same() -> None:
    poor = Offers(("pc", "q35"), ("max", "qemu64"), ("nx", "pge"))
    machines = [draw(seed, poor) for seed in range(100)]
    assert {profile.machine.partition(",")[0] for profile in machines} == {"pc", "q35"}


@pytest.mark.parametrize(
    ("cpu", "taken", "memory"),
    [("max,-pge", Feature.GLOBAL_PAGES, "64M"), ("max,-nx", Feature.NO_EXECUTE, "64M"),
     ("max,-pdpe1gb", Feature.PAGE_1G, "64M"), ("max", Feature(0), "5G")],
)  # fmt: skip
def test_what_a_machine_provides_is_what_qemu_says(cpu: str, taken: Feature, memory: str) -> None:
    profile = replace(FAST, cpu=cpu, memory=memory, reserve=False)
    found = provided(profile, image_path(profile, "assay"))
    expected = FAST.provides & ~taken
    assert found == expected | (Feature.ACCESSIBLE_4G if memory == "5G" else Feature(0))


def test_the_table_of_machines_says_what_qemu_says() -> None:
    told_by_table = Feature.VGA_TEXT | Feature.FRAMEBUFFER
    for profile in PROFILES.values():
        if not profile.accelerator:
            found = provided(profile, image_path(profile, "assay"))
            assert found == profile.provides & ~told_by_table, profile.name


def test_a_machine_that_qemu_refuses_is_named_with_qemus_words() -> None:
    profile = replace(FAST, cpu="abacus")
    with pytest.raises(EnvironmentFault, match="unable to find CPU model 'abacus'"):
        provided(profile, image_path(profile, "assay"))


@pytest.mark.parametrize("name", ["matrix-", "matrix--1", f"matrix-{SEED_END}", "matrix-x", "fats"])
def test_a_name_that_is_no_machines_is_known_as_such(name: str) -> None:
    assert not is_machine(name)


@pytest.mark.parametrize("name", ["matrix-0", f"matrix-{SEED_END - 1}", "fast"])
def test_a_machine_goes_by_the_name_that_it_was_asked_for_by(name: str) -> None:
    assert is_machine(name)
    assert machine_named(name).name == name
