"""What the QEMU at hand offers: its boards and CPU models, and what one machine provides to the kernel.

QEMU is asked; nothing here is known from the kernel.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.host.fault import EnvironmentFault
from harness.machine.profile import Feature, Profile
from harness.machine.project import project
from harness.qemu.command_line import command_line, qemu_binary

QUESTION_LIMIT_S = 20.0
CPU_MODEL = re.compile(r"^x86 (\S+)", re.MULTILINE)
CPU_FLAGS = re.compile(r"^Recognized CPUID flags:\n(.*)", re.MULTILINE | re.DOTALL)
BOARD = re.compile(r"^(\S+)", re.MULTILINE)
# Of the CPU in QEMU: what is left of the model under its accelerator.
FEATURE_PROPERTIES = {
    "pdpe1gb": Feature.PAGE_1G, "nx": Feature.NO_EXECUTE, "smep": Feature.SMEP,
    "smap": Feature.SMAP, "umip": Feature.UMIP, "pcid": Feature.PCID,
    "invpcid": Feature.INVPCID, "pge": Feature.GLOBAL_PAGES,
}
LA57 = "la57"
# In QEMU's tree of memory regions.
RAM_ABOVE_4G = "ram-above-4g"


@dataclass(frozen=True)
class Offers:
    """Names of boards (`-M`), CPU models and CPU flags (`-cpu`), in QEMU's order."""

    boards: tuple[str, ...]
    cpu_models: tuple[str, ...]
    cpu_flags: tuple[str, ...]


@functools.lru_cache(maxsize=None)
def offers() -> Offers:
    """Of the QEMU at hand. Raises EnvironmentFault without one."""
    boards, cpus = _help("-M"), _help("-cpu")
    flags = CPU_FLAGS.search(cpus)
    if flags is None:
        raise EnvironmentFault(f"{qemu_binary()} -cpu help lists no CPUID flags")
    return Offers(
        tuple(BOARD.findall(boards.partition("\n")[2])),
        tuple(CPU_MODEL.findall(cpus)),
        tuple(flags[1].split()),
    )


def _help(option: str) -> str:
    command = [qemu_binary(), option, "help"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=QUESTION_LIMIT_S
        ).stdout
    except FileNotFoundError:
        text = f"{qemu_binary()} is missing (Debian package qemu-system-x86; {project().setup})"
        raise EnvironmentFault(text) from None
    except (subprocess.SubprocessError, OSError) as error:
        raise EnvironmentFault(f"{' '.join(command)} failed: {error}") from None


def provided(profile: Profile, image: Path) -> Feature:
    """What CPU and memory of the machine provide of all that a test may require.

    Starts QEMU twice, and runs nothing in it. Raises EnvironmentFault when QEMU refuses the machine.
    """
    command = command_line(profile, image, serial="null", extra=("-S", "-qmp", "stdio"))
    (cpu, *_), tree = _ask(command, _request("query-cpus-fast"), _monitor_request("info mtree"))
    names = (*FEATURE_PROPERTIES, LA57)
    questions = (_request("qom-get", path=cpu["qom-path"], property=name) for name in names)
    has = dict(zip(names, _ask(command, *questions)))
    features = Feature(0)
    for name, feature in FEATURE_PROPERTIES.items():
        features |= feature if has[name] else Feature(0)
    if has[LA57] and project().five_levels in profile.words.split():
        features |= Feature.LA57
    if RAM_ABOVE_4G in tree:
        features |= Feature.ACCESSIBLE_4G
    return features


def _request(name: str, **arguments: str) -> dict[str, object]:
    return {"execute": name, "arguments": arguments}


def _monitor_request(line: str) -> dict[str, object]:
    return _request("human-monitor-command", **{"command-line": line})


def _ask(command: list[str], *requests: dict[str, object]) -> list[Any]:
    """What QEMU answers to requests of its machine protocol on its standard input."""
    lines = (_request("qmp_capabilities"), *requests, _request("quit"))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=QUESTION_LIMIT_S
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise EnvironmentFault(f"QEMU could not be asked about a machine: {error}") from None
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    answers = [message["return"] for message in messages if "return" in message]
    if len(answers) != len(lines):
        said = done.stderr.strip().splitlines() or [
            message["error"]["desc"] for message in messages if "error" in message
        ]
        told = said[-1] if said else f"it ended with status {done.returncode}"
        raise EnvironmentFault(f"QEMU refuses a machine: {told}: {shlex.join(command)}")
    return answers[1:-1]
