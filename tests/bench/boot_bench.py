#!/usr/bin/env python3
"""Compares the boot of the test image with that of a kernel that exits at once.

Both boot in turn in the same run, so that what else the machine does falls on both. What the
second takes is QEMU's own start, the firmware and the loading of an image; the ratio is therefore
what the test image adds to the price of any kernel. A ratio over the limit is reported as OVER
and is no failure of this command; an image that does not boot is.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from harness.host.script import run_script  # noqa: E402

BUILD = Path(__file__).resolve().parents[2] / "build"
RATIO_LIMIT = 2.0
ROUNDS = 30
BOOT_TIMEOUT_SECONDS = 20
# A quick one: the list of all tests takes longer, a byte at a time, the more tests there are.
TEST = "translate.finds_code_where_it_was_loaded"
QEMU_EXIT_PASS = 33  # the debug-exit device turns the kernel's 0x10 into (0x10 << 1) | 1


class BenchError(Exception):
    """Something that the user can fix, in one line."""


@dataclass
class Image:
    name: str
    path: Path
    seconds: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def minimum_ms(self) -> float:
        return min(self.seconds) * 1000


def qemu_command(image: Path) -> list[str]:
    return [
        "qemu-system-x86_64",
        *("-M", "pc", "-bios", "qboot.rom", "-cpu", "max", "-m", "64M", "-accel", "tcg"),
        *("-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"),
        *("-fw_cfg", f"name=opt/assay/cmdline,string=test={TEST}"),
        *("-kernel", str(image)),
    ]


def boot_seconds(image: Image) -> float:
    """The wall time from starting QEMU to its exit. A boot that does not pass raises BenchError."""
    start = time.perf_counter()
    try:
        result = subprocess.run(
            qemu_command(image.path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BOOT_TIMEOUT_SECONDS,
        )
    except FileNotFoundError:
        raise BenchError("there is no qemu-system-x86_64; run scripts/setup.sh") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{image.path} did not exit in {BOOT_TIMEOUT_SECONDS} s") from None
    seconds = time.perf_counter() - start
    if result.returncode != QEMU_EXIT_PASS:
        output = (result.stderr or result.stdout).decode(errors="replace").strip().splitlines()
        raise BenchError(
            f"{image.path}: QEMU exited with {result.returncode}, not {QEMU_EXIT_PASS}: "
            + (output[-1] if output else "no output")
        )
    return seconds


def measure(images: list[Image], rounds: int) -> None:
    """Boots every image once to warm the caches, then once a round, each round in turned order."""
    for image in images:
        boot_seconds(image)
    for round_number in range(rounds):
        for image in images if round_number % 2 == 0 else reversed(images):
            image.seconds.append(boot_seconds(image))


def table(base: Image, tested: Image) -> str:
    rows = [f"{'boot, ms':<16}{'median':>9}{'min':>9}"]
    for image in (base, tested):
        rows.append(f"{image.name:<16}{image.median_ms:>9.1f}{image.minimum_ms:>9.1f}")
    ratio = tested.median_ms / base.median_ms
    minimum_ratio = tested.minimum_ms / base.minimum_ms
    verdict = "within" if ratio <= RATIO_LIMIT else "OVER"
    rows.append(
        f"{'ratio':<16}{ratio:>9.2f}{minimum_ratio:>9.2f}"
        f"   {verdict} the limit of {RATIO_LIMIT:.1f} (median)"
    )
    return "\n".join(rows)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare boot times of two PVH kernels.")
    parser.add_argument("--rounds", type=positive, default=ROUNDS, metavar="N")
    parser.add_argument("--base", type=Path, default=BUILD / "bench" / "exit_at_once.elf")
    parser.add_argument("--image", type=Path, default=BUILD / "assay-test.elf")
    arguments = parser.parse_args()
    base = Image(arguments.base.stem, arguments.base)
    tested = Image(arguments.image.stem, arguments.image)
    try:
        for image in (base, tested):
            if not image.path.exists():
                raise BenchError(f"there is no {image.path}; make bench-boot builds it")
        measure([base, tested], arguments.rounds)
    except BenchError as error:
        print(f"boot_bench: error: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.rounds} boots each, -M pc -bios qboot.rom, TCG")
    print(table(base, tested))
    return 0


if __name__ == "__main__":
    run_script(main)
