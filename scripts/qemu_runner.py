#!/usr/bin/python3
"""Runs Assay in QEMU: the normal image for people, the test image for verdicts.

Exit codes: 0 something ran and all passed; 1 failures; 2 wrong use; 3 the environment is at fault;
130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from harness.commands.debug import debug
from harness.commands.matrix import EXAMPLES as MATRIX_EXAMPLES, matrix_command
from harness.host.scratch import scratch_directory
from harness.host.script import EXIT_ENVIRONMENT, EXIT_INTERRUPTED, run_script
from harness.machine.profile import (
    KVM,
    PROFILES,
    ROOT,
    SETUP,
    EnvironmentFault,
    Feature,
    Profile,
    build_directory,
    command_line,
    image_path,
    image_to_boot,
    qemu_binary,
)
from harness.pages.boot_map import MapError, map_kernel, map_test
from harness.pages.snapshot import DumpError
from harness.qemu.drawn_machine import is_machine, machine_named
from harness.qemu.process import (
    Monitor,
    MonitorError,
    Qemu,
    boot,
    monitor_arguments,
    stop_everything,
)
from harness.suite.boots import EXIT_FAILURES, EXIT_OK, EXIT_USAGE, Job, complain, run_jobs
from harness.suite.kernel_tests import (
    TEST_IMAGE,
    KernelTest,
    find_kvm_fault,
    matching,
    name_at,
    read_test_image,
)
from harness.terminal.kernel_output import PROMPT
from harness.terminal.running import run_kernel
from harness.terminal.terminal import is_attended
from harness.verdict.verdict import EXIT_PASS, Outcome

VERSION_FILE = ROOT / "VERSION"
NORMAL_IMAGE = "assay"
RUN_LIMIT_S = {"bios": 30.0, "pvh": 30.0, "uefi": 60.0}
BENCH_LIMIT_S = 600.0
SEED_END = 1 << 64
# For `debug` without a test: a machine with a screen, and what each image runs once it is set up.
DEBUG_PROFILE = "pvh"
KERNEL_IS_UP = "kernel_entry"

EXAMPLES = """\
examples:
  qemu_runner.py run --boot uefi --display window
  qemu_runner.py test 'map_to.*' --jobs 2
  qemu_runner.py test --profile la57 --seed 7 --repeat 10
  qemu_runner.py debug map_to.refuses_a_page_that_is_mapped
  qemu_runner.py COMMAND --help"""
RUN_EXAMPLES = """\
On a terminal the kernel ends in a prompt, which `exit` or Ctrl-T X leaves; else QEMU ends after
the demonstration, and under a time limit. How the kernel ended is told, unless it was with success.

examples:
  qemu_runner.py run
  qemu_runner.py run --boot pvh --append 'once provoke=overflow'
  qemu_runner.py run --boot uefi --display window --memory 1G"""
TEST_EXAMPLES = """\
A failure leaves build/artifacts/<profile>-<test>/. Ctrl-C leaves no QEMU behind.

examples:
  qemu_runner.py test
  qemu_runner.py test 'map_to.*' --jobs 4
  qemu_runner.py test --profile small
  qemu_runner.py test 'range.*' --repeat 100 --seed 1"""
LIST_EXAMPLES = """\
Read from the image, without a boot.

examples:
  qemu_runner.py list
  qemu_runner.py list '*huge*'"""
MAP_EXAMPLES = """\
Writes a dump (JSON), a picture (SVG) and a page that shows the walk of any address (HTML). Of a
test, the tables before and after it are compared. docs/pictures.md explains what is shown.

examples:
  qemu_runner.py map
  qemu_runner.py map --append 'access=recursive' --profile la57
  qemu_runner.py map map_to.maps_a_page --at page_table_unmap"""
DEBUG_EXAMPLES = """\
QEMU waits before the first instruction. With gdb and a terminal, gdb starts with the symbols, the
commands of scripts/assay_gdb.py and a breakpoint: where the test begins, or without one test where
the kernel is up. Otherwise the command for gdb is printed.

examples:
  qemu_runner.py debug
  qemu_runner.py debug map_to.refuses_a_page_that_is_mapped
  qemu_runner.py debug translate.finds_code_where_it_was_loaded --profile la57
  qemu_runner.py debug tests/kernel/map_to_test.c:120 --listen 1234"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Who runs this under nohup wants it to outlive the terminal.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    action: Callable[[argparse.Namespace], int] = options.action
    try:
        return action(options)
    except KeyboardInterrupt:
        stop_everything()
        return EXIT_INTERRUPTED
    except EnvironmentFault as fault:
        return complain(str(fault), EXIT_ENVIRONMENT)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="qemu_runner.py",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    about = f"qemu_runner.py of Assay {version()}"
    parser.add_argument("--version", action="version", version=about)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, action: Callable[[argparse.Namespace], int], about: str, examples: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.",
            epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(action=action)
        return command

    run = add("run", run_command, "boot the normal image", RUN_EXAMPLES)
    run.add_argument("--boot", choices=tuple(RUN_LIMIT_S), default="bios")
    run.add_argument("--display", choices=("none", "window"), default="none")
    run.add_argument("--once", action="store_true", help="end after the demonstration")
    run.add_argument("--memory", default="256M", metavar="SIZE")
    run.add_argument("--cpu", default="max", metavar="MODEL")
    run.add_argument("--cpus", type=_positive, default=1, metavar="N", help="of which it uses one")
    _add_append(run)

    test = add("test", test_command, "run the tests inside the test image", TEST_EXAMPLES)
    test.add_argument(
        "glob", nargs="?", default="*", metavar="GLOB", help="by name, with * and ?; or FILE:LINE"
    )
    _add_machine(test, "all in one boot of this machine; without it each test has its own boot")
    _add_jobs(test)
    test.add_argument(
        "--repeat", type=_positive, default=1, metavar="N",
        help="each boot N times, all of which must be green; with --seed the seed counts up",
    )
    test.add_argument(
        "--seed", type=_seed, metavar="S", help="the seed of order and random choices"
    )
    test.add_argument("--tag", metavar="TAG", help="only tests that have it; `list` shows them")
    test.add_argument("-v", "--verbose", action="store_true", help="green boots on a terminal too")
    _add_append(test)

    listing = add("list", list_command, "show the tests inside the test image", LIST_EXAMPLES)
    listing.add_argument("glob", nargs="?", default="*", metavar="GLOB", help="by name")
    _add_image(listing)

    debugging = add("debug", debug_command, "boot a test or the kernel stopped, with gdb",
                    DEBUG_EXAMPLES)
    name = "its name, FILE:LINE, or with * and ? several; without, the normal image is booted"
    debugging.add_argument("glob", nargs="?", metavar="TEST", help=name)
    debugging.add_argument(
        "--listen", type=_port, metavar="PORT",
        help="wait on this TCP port for a debugger instead of starting gdb",
    )
    _add_machine(debugging, "the machine, if not the one on which the test has its own boot")
    debugging.set_defaults(image=None)
    _add_append(debugging)

    drawing = add("map", map_command, "draw the page tables of a boot", MAP_EXAMPLES)
    drawing.add_argument(
        "test", nargs="?", metavar="TEST", help="its name; without it, the normal image"
    )
    drawing.add_argument(
        "--profile", type=_profile, metavar="PROFILE", help="the machine"
    )
    drawing.add_argument(
        "--at", default="", metavar="FUNCTION", help="stop when the test first calls this one"
    )
    drawing.add_argument(
        "--output", type=Path, default=build_directory() / "map", metavar="DIRECTORY"
    )
    _add_append(drawing)

    matrix = add("matrix", matrix_command, "run the tests on machines drawn at random", MATRIX_EXAMPLES)
    matrix.add_argument("--sample", type=_positive, default=20, metavar="N", help="of N machines")
    matrix.add_argument("--seed", type=_seed, metavar="S", help="which machines; else any")
    _add_jobs(matrix)
    matrix.add_argument("--list", action="store_true", help="name the machines, and boot none")

    choose = "Choose one with: test --profile NAME. matrix-NUMBER is a machine that the number draws."
    add("profiles", profiles_command, "show the machines", choose)
    bench = add("bench", bench_command, "run a benchmark image and show what it says", "")
    bench.add_argument("image", nargs="?", default="assay-bench", metavar="IMAGE")
    screenshot = add("screenshot", screenshot_command, "save the screen with the prompt", "")
    screenshot.add_argument("--boot", choices=("bios", "uefi"), default="bios")
    screenshot.add_argument("png", type=Path, metavar="OUT.png")
    return parser.parse_args(arguments)


def version() -> str:
    """Of the project that this script is part of."""
    try:
        return VERSION_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return "(version unknown)"


def _add_append(parser: argparse.ArgumentParser) -> None:
    help_text = "more words for the kernel's command line"
    parser.add_argument("--append", default="", metavar="WORDS", help=help_text)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--jobs", type=_positive, default=cores, metavar="N", help="boots at a time"
    )


def _add_machine(parser: argparse.ArgumentParser, help_text: str) -> None:
    parser.add_argument("--profile", type=_profile, metavar="PROFILE", help=help_text)
    _add_image(parser)


def _add_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", default=TEST_IMAGE, help="of the build directory, if not the usual one"
    )


def run_command(options: argparse.Namespace) -> int:
    """`run`: on the terminal if there is one, else the demonstration once, under a time limit."""
    profile = dataclasses.replace(PROFILES[options.boot], memory=options.memory, cpu=options.cpu)
    require(profile, NORMAL_IMAGE)
    once = "once" if options.once or not is_attended() else ""
    image = image_path(profile, NORMAL_IMAGE)
    command = command_line(
        profile,
        image,
        f"{once} {options.append}".strip(),
        display=("-display", "none" if options.display == "none" else "gtk"),
        extra=("-smp", str(options.cpus)),
    )
    return run_kernel(command, profile, image.with_suffix(".elf"), RUN_LIMIT_S[options.boot])


def ending(outcome: Outcome) -> str:
    """How a boot ended, in one line."""
    said = outcome.stderr.strip().splitlines()
    end = outcome.stop.value
    if outcome.status is not None:
        end = f"QEMU ended with status {outcome.status}"
    return f"{end} after {outcome.seconds:.1f} s{': ' + said[-1] if said else ''}"


def test_command(options: argparse.Namespace) -> int:
    """`test`: one line a verdict as they come, then a count. Repeats exactly what pytest does.

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
        boots = [(home(test), (test,), test.name) for test in tests]
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


def debug_command(options: argparse.Namespace) -> int:
    """`debug`: a stopped QEMU, and gdb."""
    if options.glob is None:
        profile = machine_named(options.profile or DEBUG_PROFILE)
        image, words, stop_at = options.image or NORMAL_IMAGE, options.append, KERNEL_IS_UP
    else:
        image = options.image or TEST_IMAGE
        glob = name_at(read_test_image(image), options.glob)
        tests = matching(read_test_image(image), glob)
        if not tests:
            return complain(f"no test is called {glob}; `list` shows all", EXIT_USAGE)
        profile = machine_named(options.profile) if options.profile else home(tests[0])
        words = f"test={glob} {options.append}".strip()
        stop_at = tests[0].function if len(tests) == 1 else KERNEL_IS_UP
    require(profile, image)
    return debug(profile, image, words, stop_at, options.listen)


def map_command(options: argparse.Namespace) -> int:
    """`map`: pictures of page tables."""
    if options.at and not options.test:
        return complain("--at needs a test", EXIT_USAGE)
    test: KernelTest | None = None
    if options.test:
        found = matching(read_test_image(), options.test)
        if len(found) != 1:
            text = f"{len(found)} tests are called {options.test}; `list` shows all"
            return complain(text, EXIT_USAGE)
        test = found[0]
    name = options.profile or (home(test).name if test else "fast")
    profile, image = machine_named(name), TEST_IMAGE if test else NORMAL_IMAGE
    require(profile, image)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        if test:
            files = map_test(test, profile, image, options.append, options.at, options.output)
        else:
            files = map_kernel(profile, image, options.append, PROMPT, options.output)
    except (MapError, DumpError) as error:
        return complain(str(error), EXIT_FAILURES)
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}", EXIT_FAILURES)
    for path in files:
        print(path)
    return EXIT_OK


def bench_command(options: argparse.Namespace) -> int:
    """`bench`: the benchmark says on serial what it measured."""
    require(PROFILES["fast"], options.image)
    path = image_path(PROFILES["fast"], options.image)
    outcome = boot(command_line(PROFILES["fast"], path), BENCH_LIMIT_S, listener=_echo)
    good = outcome.status == EXIT_PASS
    return EXIT_OK if good else complain(ending(outcome), EXIT_FAILURES)


def home(test: KernelTest) -> Profile:
    """The machine for a test's own boot; read_tests has made sure that there is one."""
    profile = test.profile
    assert profile is not None, test.name
    return profile


def list_command(options: argparse.Namespace) -> int:
    """`list`: each test, its machine, where its source is, and what it requires."""
    tests = matching(read_test_image(options.image), options.glob)
    if not tests:
        return complain(f"no test is called {options.glob}", EXIT_USAGE)
    width = max(len(test.name) for test in tests)
    for test in tests:
        needs = f"  requires {names(test.requires)}" if test.requires else ""
        tags = f"  tags {', '.join(test.tags)}" if test.tags else ""
        known = f"  known to fail: {test.expect_failure}" if test.expect_failure else ""
        place = f"{test.file}:{test.line}"
        print(f"{test.name:{width}}  {home(test).name:6}  {place}{needs}{tags}{known}")
    return EXIT_OK


def profiles_command(_: argparse.Namespace) -> int:
    """`profiles`: the table of machines."""
    for profile in PROFILES.values():
        print(f"{profile.name}: {profile.sentence}")
        accelerator = f"-accel {profile.accelerator} " if profile.accelerator else ""
        print(f"    {accelerator}-M {profile.machine} -cpu {profile.cpu} -m {profile.memory}")
        print(f"    firmware: {profile.firmware.value}; provides {names(profile.provides)}")
    return EXIT_OK


def names(features: Feature) -> str:
    return ", ".join(str(feature.name) for feature in features) or "no feature"


def screenshot_command(options: argparse.Namespace) -> int:
    """`screenshot`: boots the ISO, waits for the prompt and saves the screen."""
    profile = PROFILES[options.boot]
    require(profile, NORMAL_IMAGE)
    picture: Path = options.png.absolute()
    if not picture.parent.is_dir():
        return complain(f"there is no directory {picture.parent}", EXIT_USAGE)
    with scratch_directory() as directory:
        path = Path(directory) / "monitor"
        image = image_path(profile, NORMAL_IMAGE)
        try:
            with Qemu(command_line(profile, image, extra=monitor_arguments(path))) as qemu:
                if not qemu.read_until(PROMPT, RUN_LIMIT_S[options.boot]):
                    text = f"'{PROMPT}' did not appear; {qemu.progress()}"
                    return complain(text, EXIT_FAILURES)
                with Monitor(path) as monitor:
                    monitor.execute("screendump", filename=str(picture), format="png")
        except (MonitorError, ConnectionError) as error:
            return complain(f"no picture: {error}", EXIT_FAILURES)
    print(picture)
    return EXIT_OK


def require(profile: Profile, image: str) -> None:
    """Raises EnvironmentFault unless QEMU, the firmware and the image are all there."""
    if shutil.which(qemu_binary()) is None:
        text = f"{qemu_binary()} is missing (Debian package qemu-system-x86; {SETUP})"
        raise EnvironmentFault(text)
    image_to_boot(profile, image)
    if profile.runs_on == KVM:
        fault = find_kvm_fault()
        if fault:
            raise EnvironmentFault(fault)


def _echo(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _profile(text: str) -> str:
    if not is_machine(text):
        raise argparse.ArgumentTypeError(f"no machine is called {text!r}; `profiles` shows all")
    return text


def _port(text: str) -> int:
    value = int(text)
    if not 0 < value < 1 << 16:
        raise argparse.ArgumentTypeError("must be 1 to 65535")
    return value


def _seed(text: str) -> int:
    value = int(text, 0)
    if not 0 <= value < SEED_END:
        raise argparse.ArgumentTypeError("must fit in 64 bits")
    return value


if __name__ == "__main__":
    run_script(main)
