"""`test`: the tests of an image, each in a boot of its own or all on one machine."""

from __future__ import annotations

import argparse

from harness.commands.arguments import SEED_END, add_append, add_jobs, add_machine, positive, seed
from harness.commands.require import require
from harness.host.fault import EnvironmentFault
from harness.host.script import EXIT_USAGE, complain
from harness.machine.profile import KVM
from harness.qemu.drawn_machine import machine_named
from harness.suite.boots import Job, run_jobs
from harness.suite.kernel_tests import find_kvm_fault, matching, name_at, read_test_image

NOTES = """\
A failure leaves build/artifacts/<profile>-<test>/. Ctrl-C leaves no QEMU behind."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "glob", nargs="?", default="*", metavar="GLOB", help="by name, with * and ?; or FILE:LINE"
    )
    add_machine(parser, "all in one boot of this machine; without it each test has its own boot")
    add_jobs(parser)
    parser.add_argument(
        "--repeat", type=positive, default=1, metavar="N",
        help="each boot N times, all of which must be green; with --seed the seed counts up",
    )
    parser.add_argument(
        "--seed", type=seed, metavar="S", help="the seed of order and random choices"
    )
    parser.add_argument("--tag", metavar="TAG", help="only tests that have it; `list` shows them")
    parser.add_argument("-v", "--verbose", action="store_true", help="green boots on a terminal too")
    add_append(parser)


def run(options: argparse.Namespace) -> int:
    """One line a verdict as they come, then a count. Repeats exactly what pytest does.

    Tests whose own machine is KVM's are skipped where KVM cannot run them, unless nothing else is
    asked for.
    """
    tests = read_test_image(options.image)
    options.glob = name_at(tests, options.glob)
    tests = matching(tests, options.glob)
    if options.tag:
        tests = tuple(test for test in tests if options.tag in test.tags)
    if not tests:
        tagged = f" with the tag {options.tag}" if options.tag else ""
        return complain(f"no test is called {options.glob}{tagged}; `list` shows all", EXIT_USAGE)
    if options.profile:
        boots = [(machine_named(options.profile), tests, options.glob)]
    else:
        boots = [(test.home, (test,), test.name) for test in tests]
    fault = None
    for profile in {profile.name: profile for profile, _, _ in boots}.values():
        if options.profile or profile.runs_on != KVM:
            require(profile, options.image)
        else:
            fault = find_kvm_fault()
    jobs = []
    for turn in range(options.repeat):
        words = f"tag={options.tag} {options.append}".strip() if options.tag else options.append
        if options.seed is not None:
            words = f"{words} seed={(options.seed + turn) % SEED_END}".strip()
        for profile, group, glob in boots:
            label = f"{profile.name}-{glob}" + (f" #{turn + 1}" if options.repeat > 1 else "")
            jobs.append(Job(profile, group, glob, words, options.image, label))
    if fault is None:
        return run_jobs(jobs, options.jobs, options.verbose)
    left_out = [job for job in jobs if job.profile.runs_on == KVM]
    if len(left_out) == len(jobs):
        raise EnvironmentFault(fault)
    jobs = [job for job in jobs if job.profile.runs_on != KVM]
    return run_jobs(jobs, options.jobs, options.verbose, left_out, fault)
