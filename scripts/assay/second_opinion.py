"""What the kernel says of its translations, against what QEMU's walker makes of the same tables.

The image assay-second-opinion says `# translate VA PA` or `# translate VA -` many times, then
`# translations COUNT` and that it stands still, which it does. QEMU is then asked for each address
(`gva2gpa`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.host.scratch import scratch_directory
from harness.machine.profile import Profile
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu

IMAGE = "assay-second-opinion"
END = "# translations "
CLAIM = re.compile(r"# translate 0x([0-9a-f]+) (?:0x([0-9a-f]+)|-)")
MAPPED = re.compile(r"gpa: (0x[0-9a-f]+|0)")
LAST_LINE = "# The kernel stands still."


class OpinionError(Exception):
    """There is no comparison: the kernel or QEMU did not say what was needed."""


@dataclass(frozen=True)
class Claim:
    """physical: None where nothing is mapped."""

    virtual: int
    physical: int | None

    def __str__(self) -> str:
        return f"{self.virtual:#018x} -> {place(self.physical)}"


def place(physical: int | None) -> str:
    return "nothing" if physical is None else f"{physical:#x}"


def parse_claims(lines: Iterable[str]) -> list[Claim]:
    """The kernel's claims. Raises OpinionError unless all that it counted have arrived."""
    claims = []
    for line in lines:
        match = CLAIM.fullmatch(line)
        if match:
            physical = None if match[2] is None else int(match[2], 16)
            claims.append(Claim(int(match[1], 16), physical))
        elif line.startswith("# translate "):
            raise OpinionError(f"no translation: '{line}'")
        elif line.startswith(END):
            if line != f"{END}{len(claims)}":
                raise OpinionError(f"{len(claims)} translations arrived, and then '{line}'")
            if not claims:
                raise OpinionError("the kernel said no translation at all")
            return claims
    raise OpinionError(f"after {len(claims)} translations the line '{END}COUNT' is missing")


def differences(claims: Iterable[Claim], ask: Callable[[int], int | None]) -> list[str]:
    """A line for each claim that the other side does not share. ask: as `asker` makes it."""
    lines = []
    for claim in claims:
        other = ask(claim.virtual)
        if other != claim.physical:
            lines.append(f"kernel: {claim}; QEMU: {place(other)}")
    return lines


def asker(monitor: Monitor) -> Callable[[int], int | None]:
    """A function that asks QEMU for a physical address; None: nothing is mapped there."""

    def ask(virtual: int) -> int | None:
        answer = monitor.human(f"gva2gpa {virtual:#x}").strip()
        if answer == "Unmapped":
            return None
        match = MAPPED.fullmatch(answer)
        if match is None:
            raise OpinionError(f"gva2gpa {virtual:#x}: QEMU answered '{answer}'")
        return int(match[1], 16)

    return ask


def compare(
    profile: Profile, words: str, look: Callable[[list[Claim], Callable[[int], int | None]], None]
) -> None:
    """Boots the image and calls `look` with the kernel's claims and a way to ask QEMU.

    words: access=, paging= and seed= for the kernel. Raises OpinionError, and EnvironmentFault.
    """
    with scratch_directory() as directory:
        socket = Path(directory) / "monitor"
        extra = monitor_arguments(socket)
        command = command_line(profile, image_to_boot(profile, IMAGE), words, extra=extra)
        with Qemu(command) as qemu:
            found = qemu.read_until(LAST_LINE, profile.boot_limit_s)
            lines = bytes(qemu.serial).decode("ascii", errors="backslashreplace").splitlines()
            if not found:
                raise OpinionError(f"the translations did not arrive; {qemu.progress()}")
            claims = parse_claims(lines)
            with Monitor(socket) as monitor:
                look(claims, asker(monitor))
