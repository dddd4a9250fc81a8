"""The kernel that a process boots and judges: all that the harness is told of it.

The entry scripts hand it in, by `use`, before anything else. One process serves one kernel.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.machine.named_range import NamedRange
from harness.machine.profile import Firmware, Profile


def no_names(_elf: Path, _levels: int) -> tuple[NamedRange, ...]:
    return ()


def no_words(_chance: random.Random, _firmware: Firmware) -> list[str]:
    return []


@dataclass(frozen=True)
class Images:
    """Their names, without what the files end in. normal: for people, without tests of its own."""

    normal: str
    tests: str
    bench: str


@dataclass(frozen=True)
class Prompt:
    """How the normal image shows itself.

    banner: how it begins. text: what it prompts with. once: the word of its command line that ends it
    before the prompt. limits_s: the machines that `run` may boot, and how long it takes at most.
    """

    banner: str
    text: str
    once: str
    limits_s: Mapping[str, float]


@dataclass(frozen=True)
class Project:
    """name: how files, variables of the environment and gdb commands call it. title: for people. root: of
    its sources.

    setup: what to do when a package is missing. runner: how the runner is started from the root.
    gdb_commands: a script of gdb's, from the root. machines: by name; a test's own machine is the
    first that has all it requires. usual_machine: for `map` and `bench`. debug_machine: for `debug`
    without a test. entry: the function at which the kernel is up. kvm_probe: tests that tell whether
    KVM can run the kernel. five_levels: the word of the command line for five levels of page tables.
    examples: for the help of each command, and of all (""). names: what the addresses of an image
    are for, with so many levels. draw_words: words of the command line, drawn at random.
    """

    name: str
    title: str
    root: Path
    images: Images
    prompt: Prompt
    machines: Mapping[str, Profile]
    usual_machine: str
    debug_machine: str
    entry: str
    kvm_probe: str
    five_levels: str
    setup: str
    runner: str
    gdb_commands: Path
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names: Callable[[Path, int], tuple[NamedRange, ...]] = field(default=no_names)
    draw_words: Callable[[random.Random, Firmware], list[str]] = field(default=no_words)

    @property
    def build_variable(self) -> str:
        """Of the environment: where the images are, if not in `build/`."""
        return f"{self.name.upper()}_BUILD"

    @property
    def build_directory(self) -> Path:
        return Path(os.environ.get(self.build_variable, self.root / "build"))

    @property
    def version(self) -> str:
        try:
            return (self.root / "VERSION").read_text(encoding="ascii").strip()
        except OSError:
            return "(version unknown)"

    def short(self, path: Path) -> str:
        """A path from the root, if it is below it."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


_project: Project | None = None


def use(chosen: Project) -> None:
    """Hands it in."""
    global _project
    _project = chosen


def project() -> Project:
    """What was handed in."""
    assert _project is not None, "no entry script has called use()"
    return _project


def build_directory() -> Path:
    return project().build_directory
