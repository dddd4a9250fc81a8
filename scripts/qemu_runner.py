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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import FrameType

from kernel_tests import TEST_IMAGE, KernelTest, boot_tests, matching, read_test_image
from ktap import Kind, text_lines
from machines import (
    PROFILES,
    SETUP,
    EnvironmentFault,
    Feature,
    Profile,
    command_line,
    find_fault,
    image_path,
    qemu_binary,
)
from qemu_process import (
    Interrupted,
    Monitor,
    MonitorError,
    Qemu,
    boot,
    monitor_arguments,
    stop_everything,
)
from verdict import EXIT_PASS, Outcome, Verdict

EXIT_OK = 0
EXIT_FAILURES = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_INTERRUPTED = 130

NORMAL_IMAGE = "assay"
DEMONSTRATION_ENDS = "It did not crash!"
RUN_LIMIT_S = {"bios": 30.0, "pvh": 30.0, "uefi": 60.0}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    action: Callable[[argparse.Namespace], int] = options.action
    try:
        return action(options)
    except KeyboardInterrupt:
        stop_everything()
        return EXIT_INTERRUPTED
    except EnvironmentFault as fault:
        return complain(str(fault), EXIT_ENVIRONMENT)
    except BrokenPipeError:
        # The reader of our output has left; the flush at exit must not fail a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURES


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="qemu_runner.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    append_help = "more words for the kernel's command line"

    run = commands.add_parser("run", help="boot the normal image")
    run.add_argument("--boot", choices=tuple(RUN_LIMIT_S), default="bios")
    run.add_argument("--display", choices=("none", "window"), default="none")
    run.add_argument("--once", action="store_true", help="end after the demonstration")
    run.add_argument("--memory", default="256M", metavar="SIZE")
    run.add_argument("--cpu", default="max", metavar="MODEL")
    run.add_argument("--append", default="", metavar="WORDS", help=append_help)
    run.set_defaults(action=run_command)

    test = commands.add_parser("test", help="run the tests inside the test image")
    test.add_argument("glob", nargs="?", default="*", metavar="GLOB", help="by name, with * and ?")
    test.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        help="all in one boot of this machine; without it each test has a boot of its own",
    )
    test.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N")
    test.add_argument("--append", default="", metavar="WORDS", help=append_help)
    test.set_defaults(action=test_command)

    listing = commands.add_parser("list", help="the tests inside the test image")
    listing.set_defaults(action=list_command)
    machines = commands.add_parser("profiles", help="the machines")
    machines.set_defaults(action=profiles_command)
    screenshot = commands.add_parser("screenshot", help="a picture of the demonstration's end")
    screenshot.add_argument("png", type=Path, metavar="OUT.png")
    screenshot.set_defaults(action=screenshot_command)
    return parser.parse_args(arguments)


def run_command(options: argparse.Namespace) -> int:
    """`run`: on the terminal if there is one, else the demonstration once, under a time limit."""
    profile = dataclasses.replace(PROFILES[options.boot], memory=options.memory, cpu=options.cpu)
    require(profile, NORMAL_IMAGE)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    once = "once" if options.once or not interactive else ""
    command = command_line(
        profile,
        image_path(profile, NORMAL_IMAGE),
        f"{once} {options.append}".strip(),
        serial="mon:stdio" if interactive else "stdio",
        display=("-display", "none" if options.display == "none" else "gtk"),
    )
    if interactive:
        print("Ctrl-A X leaves QEMU.", flush=True)
        status = run_on_terminal(command)
        good = status in (0, EXIT_PASS)
        return EXIT_OK if good else complain(f"QEMU ended with status {status}", EXIT_FAILURES)
    outcome = boot(command, RUN_LIMIT_S[options.boot], listener=_echo)
    good = outcome.status == EXIT_PASS
    return EXIT_OK if good else complain(ending(outcome), EXIT_FAILURES)


def ending(outcome: Outcome) -> str:
    """How a boot ended, in one line."""
    said = outcome.stderr.strip().splitlines()
    end = outcome.stop.value
    if outcome.status is not None:
        end = f"QEMU ended with status {outcome.status}"
    return f"{end} after {outcome.seconds:.1f} s{': ' + said[-1] if said else ''}"


def run_on_terminal(command: list[str]) -> int:
    """Gives the terminal to QEMU until it ends. Ctrl-C is for the guest, so it is ignored here."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(command)
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    finally:
        signal.signal(signal.SIGINT, previous)


def test_command(options: argparse.Namespace) -> int:
    """`test`: one line a verdict as they come, then a count. Repeats exactly what pytest does."""
    tests = matching(read_test_image(), options.glob)
    if not tests:
        return complain(f"no test is called {options.glob}", EXIT_USAGE)
    if options.profile:
        boots = [(PROFILES[options.profile], tests, options.glob)]
    else:
        boots = [(home(test), (test,), test.name) for test in tests]
    for name in sorted({profile.name for profile, _, _ in boots}):
        require(PROFILES[name], TEST_IMAGE)
    started = time.monotonic()
    verdicts = []
    pool = ThreadPoolExecutor(max_workers=options.jobs)
    try:
        waiting = {
            pool.submit(boot_tests, group, profile, glob, options.append): f"{profile.name}-{glob}"
            for profile, group, glob in boots
        }
        for future in as_completed(waiting):
            verdict = future.result()
            verdicts.append(verdict)
            print_verdict(waiting[future], verdict)
    except (KeyboardInterrupt, Interrupted):
        raise KeyboardInterrupt from None
    finally:
        if len(verdicts) < len(boots):
            stop_everything()
        pool.shutdown(cancel_futures=True)
    return conclude(verdicts, len(boots), time.monotonic() - started)


def home(test: KernelTest) -> Profile:
    """The machine for a test's own boot; read_tests has made sure that there is one."""
    profile = test.profile
    assert profile is not None, test.name
    return profile


def print_verdict(label: str, verdict: Verdict) -> None:
    milliseconds = f"{verdict.outcome.seconds * 1000:.0f} ms"
    if verdict.green:
        print(f"ok    {label} ({verdict.reason}; {milliseconds})", flush=True)
    else:
        print(f"FAIL  {label} ({milliseconds})\n{verdict.message}", flush=True)


def conclude(verdicts: Sequence[Verdict], boot_count: int, seconds: float) -> int:
    """Prints the count; something must have run, and every boot must be green."""
    results = [result for verdict in verdicts for result in verdict.results]
    green = sum(verdict.green for verdict in verdicts)
    passed = sum(result.ok and not result.skipped for result in results)
    skipped = sum(result.skipped for result in results)
    counts = f"{green} of {boot_count} boots green; {passed} tests passed, {skipped} skipped"
    print(f"{counts}, in {seconds:.1f} s")
    if any(verdict.kind is Kind.QEMU_MISSING for verdict in verdicts):
        return EXIT_ENVIRONMENT
    if green == boot_count and passed == 0:
        return complain("every test was skipped: nothing ran", EXIT_FAILURES)
    return EXIT_OK if green == boot_count else EXIT_FAILURES


def list_command(_: argparse.Namespace) -> int:
    """`list`: each test, its machine, where its source is, and what it requires."""
    tests = read_test_image()
    width = max(len(test.name) for test in tests)
    for test in tests:
        needs = f"  requires {names(test.requires)}" if test.requires else ""
        print(f"{test.name:{width}}  {home(test).name:6}  {test.file}:{test.line}{needs}")
    return EXIT_OK


def profiles_command(_: argparse.Namespace) -> int:
    """`profiles`: the table of machines."""
    for profile in PROFILES.values():
        print(f"{profile.name}: {profile.sentence}")
        print(f"    -M {profile.machine} -cpu {profile.cpu} -m {profile.memory}")
        print(f"    firmware: {profile.firmware.value}; provides {names(profile.provides)}")
    return EXIT_OK


def names(features: Feature) -> str:
    return ", ".join(str(feature.name) for feature in features) or "no feature"


def screenshot_command(options: argparse.Namespace) -> int:
    """`screenshot`: boots the ISO, waits for the demonstration's end and saves the screen."""
    profile = PROFILES["bios"]
    require(profile, NORMAL_IMAGE)
    picture: Path = options.png.absolute()
    if not picture.parent.is_dir():
        return complain(f"there is no directory {picture.parent}", EXIT_USAGE)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "monitor"
        image = image_path(profile, NORMAL_IMAGE)
        with Qemu(command_line(profile, image, extra=monitor_arguments(path))) as qemu:
            if not qemu.read_until(DEMONSTRATION_ENDS, RUN_LIMIT_S["bios"]):
                lines = text_lines(bytes(qemu.serial)) or ["nothing"]
                text = f"'{DEMONSTRATION_ENDS}' did not appear; the last line is: {lines[-1]}"
                return complain(text, EXIT_FAILURES)
            try:
                with Monitor(path) as monitor:
                    monitor.execute("screendump", filename=str(picture), format="png")
            except MonitorError as error:
                return complain(f"no picture: {error}", EXIT_FAILURES)
    print(picture)
    return EXIT_OK


def require(profile: Profile, image: str) -> None:
    """Raises EnvironmentFault unless QEMU, the firmware and the image are all there."""
    if shutil.which(qemu_binary()) is None:
        text = f"{qemu_binary()} is missing (Debian package qemu-system-x86; {SETUP})"
        raise EnvironmentFault(text)
    fault = find_fault(profile, image_path(profile, image))
    if fault:
        raise EnvironmentFault(fault)


def complain(text: str, status: int) -> int:
    """One line for the user on standard error. *Returns:* status."""
    print(f"qemu_runner: {text}", file=sys.stderr)
    return status


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


if __name__ == "__main__":
    sys.exit(main())
