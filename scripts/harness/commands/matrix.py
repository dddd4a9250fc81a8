"""`matrix`: the kernel's tests on machines drawn at random."""

from __future__ import annotations

import argparse
import random

from harness.commands.arguments import add_jobs, positive, seed
from harness.host.script import EXIT_OK
from harness.machine.project import project
from harness.qemu.drawn_machine import SEED_END, drawn_machine
from harness.suite.boots import Job, run_jobs
from harness.suite.kernel_tests import read_test_image

NOTES = """\
Each machine has CPU model, features taken away, memory, board, firmware and devices of its own. The
first is drawn by the seed, the next by the seed plus 1 and so on; the one that 7 draws is called
matrix-7, wherever a machine is asked for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", type=positive, default=20, metavar="N", help="of N machines")
    parser.add_argument("--seed", type=seed, metavar="S", help="which machines; else any")
    add_jobs(parser)
    parser.add_argument("--list", action="store_true", help="name the machines, and boot none")


def run(options: argparse.Namespace) -> int:
    """The whole suite in one boot on each machine; with --list, what the machines are."""
    first = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {first}: `make matrix SAMPLE={options.sample} SEED={first}` repeats it", flush=True)
    tests = read_test_image()
    jobs = []
    for index in range(options.sample):
        profile = drawn_machine((first + index) % SEED_END)
        label = f"{profile.name}: {profile.sentence}"
        if options.list:
            print(label, flush=True)
        jobs.append(Job(profile, tests, "*", "", project().images.tests, label))
    return EXIT_OK if options.list else run_jobs(jobs, options.jobs, verbose=True)
