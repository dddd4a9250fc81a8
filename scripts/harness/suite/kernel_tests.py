"""The tests of the images in the build directory: which there are, and running them."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.evidence import artifacts
from harness.evidence.artifacts import Boot
from harness.host.fault import EnvironmentFault
from harness.image import sources as image_sources
from harness.image.source_lines import with_source
from harness.image.test_records import KernelTest, read_tests
from harness.machine.profile import Profile
from harness.machine.project import build_directory
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_path, image_to_boot
from harness.verdict.ktap import HEADER, Kind, draw_key, key_word
from harness.verdict.verdict import EXIT_QEMU_REFUSES, Verdict, judge
from harness.machine.project import project
from harness.machine.profile import KVM

# The kernel watches the time itself and can say where it hangs: the runner lets it do so.
TIMEOUT_SLACK_S = 2.0
KVM_DEVICE = Path("/dev/kvm")
KVM_PROBE_S = 10.0


def read_test_image(image: str = "") -> tuple[KernelTest, ...]:
    """The tests of an image in the build directory; "": of the usual one."""
    return _read_fresh_tests(build_directory() / f"{image or project().images.tests}.elf")


def read_unit_tests() -> tuple[KernelTest, ...]:
    """The tests that are built for the host, registered in the same way."""
    return _read_fresh_tests(build_directory() / "host" / "unit_tests")


def _read_fresh_tests(path: Path) -> tuple[KernelTest, ...]:
    """Raises EnvironmentFault, too, for an image that is not of the sources that are there."""
    _demand_fresh(path)
    return read_tests(path)


def _demand_fresh(path: Path) -> None:
    """An image that is missing is told by what opens it."""
    fault = image_sources.find_fault(path) if path.is_file() else None
    if fault:
        raise EnvironmentFault(fault)


def matching(tests: Iterable[KernelTest], glob: str) -> tuple[KernelTest, ...]:
    """The tests whose name matches, by the kernel's rules: only `*` and `?` are special."""
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in glob)
    return tuple(test for test in tests if re.fullmatch(pattern, test.name))


def name_at(tests: Iterable[KernelTest], text: str) -> str:
    """The name of the test that stands at FILE:LINE, the last to begin there or above; any other
    text as it is."""
    place = re.fullmatch(r"(.+):(\d+)", text)
    if place is None:
        return text
    file, line = Path(place[1]), int(place[2])
    file = Path(project().short(file))
    above = [test for test in tests if Path(test.file) == file and test.line <= line]
    return max(above, key=lambda test: test.line).name if above else text


def boot_tests(
    tests: Sequence[KernelTest],
    profile: Profile,
    glob: str,
    words: str = "",
    *,
    image: str = "",
    evidence: bool = True,
) -> Verdict:
    """Boots a test image once for `tests`, which must be those that `glob` selects.

    words: more for the kernel's command line; the boot also gets a key to sign its report with.
    evidence: keep artefacts of a failure, for which the machine is booted a second time. *Returns:* a
    verdict that is green only if each test that the machine can run passed and each other one was
    reported as skipped.
    """
    image = image or project().images.tests
    path = image_path(profile, image)
    _demand_fresh(path)
    all_words = f"test={glob} {words}".strip()
    key = draw_key()
    command = command_line(profile, path, f"{all_words} {key_word(key)}")
    longest = max((test.timeout_s for test in tests), default=0.0)
    outcome = boot(
        command,
        limit_s=sum(test.timeout_s for test in tests) + 2 * TIMEOUT_SLACK_S,
        silence_s=longest + TIMEOUT_SLACK_S,
        start=HEADER.encode(),
        start_s=profile.boot_limit_s,
    )
    runs = [test.name for test in tests if not profile.lacks(test.requires)]
    skips = [test.name for test in tests if profile.lacks(test.requires)]
    # What a test finds to be missing must be there at least on the machine that is its home.
    may_skip = [
        test.name for test in tests if not test.requires and test.profile is not profile
    ]
    verdict = judge(outcome, runs, skips, may_skip, key=key)
    if verdict.green or verdict.kind is Kind.QEMU_MISSING:
        return verdict
    # It may be another one that QEMU has opened.
    _demand_fresh(path)
    verdict = replace(verdict, places=with_source(outcome.lines, path.with_suffix(".elf")))
    if not evidence:
        return verdict
    again = [glob, "--profile", profile.name]
    again += ["--append", words] if words else []
    again += ["--image", image] if image != project().images.tests else []
    label = f"{profile.name}-{glob}"
    return artifacts.keep(verdict, Boot(profile, image, all_words, label, tuple(again)))


@functools.lru_cache(maxsize=None)
def find_kvm_fault() -> str | None:
    """One line on why KVM cannot run the tests on this host, or None. Boots once to find out."""
    if not KVM_DEVICE.exists():
        return f"there is no {KVM_DEVICE} on this host"
    if not os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        return f"{KVM_DEVICE} may not be opened by this user (group kvm?)"
    machines = project().machines
    own = (machine for machine in machines.values() if machine.accelerator == KVM)
    machine = next(own, None) or replace(machines[project().usual_machine], accelerator=KVM)
    profile = replace(machine, boot_limit_s=KVM_PROBE_S)
    words = f"test={project().kvm_probe}"
    command = command_line(profile, image_to_boot(profile, project().images.tests), words)
    outcome = boot(command, KVM_PROBE_S)
    if outcome.status is None or outcome.status == EXIT_QEMU_REFUSES or outcome.status < 0:
        said = outcome.stderr.strip().splitlines()
        end = outcome.stop.value if outcome.status is None else f"QEMU ended with {outcome.status}"
        return f"KVM does not run the kernel here: {said[0] if said else end}"
    return None
