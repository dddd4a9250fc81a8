"""Random command lines for the prompt, made from what its own `help` says that commands take."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

# Commands that end the machine, or run whatever instruction lies at an address.
LEFT_OUT = {"exit", "reboot", "fetch"}
# Those that show an address to the CPU: a fault is their answer.
TOUCHING = {"read", "write"}
# Suites that take less than a second.
SUITES = ["map_to.*", "unmap.*", "translate.*", "split.*", "no_such.*", "*.reach*"]
STRATEGIES = ["offset", "fixed", "identity", "temporary", "recursive"]
FLAGS = "r rw rx rwx ru rwu rwxug pcd pwt w x g rr R rwz".split()
SIZES = """4K 8K 12K 64K 2M 4M 1G 2G 512G 0x1000 4096 0x7ffffffff000 0xfffffffffffff000 0 1 4097 3M
8191G 16777215T 16777216T""".split()
BYTES = [0, 1, 8, 15, 16, 17, 256, 4096, 4097, 1 << 63]
VALUE_BITS = [1, 8, 16, 32, 64]
GARBAGE = ["", "0x" + "f" * 17, "9" * 25, "a" * 50, *"""-1 + 0x 0o 0o9 0xg 1_ 1__0 text+ text+-8
-text text- cr9 xyzzy moniter_run = pages= pages=3M pages=4K " ' $HOME %s%n 18446744073709551615
18446744073709551616 17179869184G 4KK 4Ki 1.5M 1e3 * ? forse help new all""".split()]
POWERS = [12, 20, 21, 30, 31, 32, 36, 39, 40, 46, 47, 48, 51, 52, 56, 57, 62, 63]
FAR = [0x7000000000, 0x803FE00000, 0x803FDFF000, 0x8000000000, 0x7FFFFFFFF000, 0x7FFFC0000000,
       0xFFFFC00000000000, 0xFFFF900000000000, 0xFFFFFFFFC0000000, 0xFFFFFFFFFFFFF000, 2**64 - 1]
OFFSETS = [0, 1, 7, 8, 0x7FF, 0xFF8, 0xFFF, 0x1000, 0x2000, 0x1FF000, 1 << 21, 1 << 30, 1 << 39]


@dataclass
class Word:
    """An argument as `help` shows it: `VA`, `[SIZE]`, `PA|new`, `pages=4K|2M|1G`."""

    choices: list[str]
    optional: bool


def parse_usage(line: str) -> tuple[str, list[Word]]:
    """The first line of `help COMMAND`: its name, its arguments, a colon and its summary."""
    match = re.match(r"(\w+)((?: [^ :]+)*?) ?: ", line)
    assert match, f"no usage: {line!r}"
    words = []
    for shown in match[2].split():
        bare = shown.strip("[]")
        name, equals, values = bare.partition("=")
        choices = [f"{name}={value}" for value in values.split("|")] if equals else bare.split("|")
        words.append(Word(choices, optional=shown.startswith("[")))
    return match[1], words


class Grammar:
    """What can be typed. `layout` gives the kernel's regions, as (start, last, short name)."""

    def __init__(self, usages: list[str], layout: list[str], seed: int) -> None:
        self.random = random.Random(seed)
        self.mask = (1 << 64) - 1  # of the numbers that are made
        self.commands = dict(parse_usage(usage) for usage in usages)
        for name in LEFT_OUT:
            del self.commands[name]
        self.regions = []
        for line in layout:
            match = re.match(r"([0-9a-f]{16})-([0-9a-f]{16}) (\w*) ", line)
            assert match, line
            self.regions.append((int(match[1], 16), int(match[2], 16), match[3]))

    def number(self, value: int) -> str:
        value &= self.mask
        form = self.random.randrange(8)
        return f"0o{value:o}" if form == 0 else str(value) if form == 1 else f"{value:#x}"

    def offset(self) -> str:
        if self.random.random() < 0.5:
            return ""
        value = self.random.choice([*OFFSETS, self.random.randrange(1 << 13)])
        return self.random.choice("++-") + self.number(value)

    def address(self) -> str:
        start, last, name = self.random.choice(self.regions)
        sign = self.random.choice([0, 0, 1, -1])
        far = self.random.choice(FAR) + sign * self.random.choice(OFFSETS)
        power = (1 << self.random.choice(POWERS)) + self.random.choice([0, -0x1000, 0x1000, -1])
        pick = self.random.randrange(20)
        if pick < 7:
            return (name or self.number(start)) + self.offset()
        if pick < 9:
            return self.number(last + self.random.choice([-0xFFF, 1, 0, -7]))
        if pick < 13:
            return self.number(far)
        if pick < 15:
            return self.number(self.random.randrange(0x200) << 12)
        if pick < 17:
            return self.number(power)
        if pick < 18:
            return self.random.choice(["cr2", "cr3", "rsp", "physical+cr3"]) + self.offset()
        return self.number(self.random.getrandbits(self.random.choice([32, 48, 64])))

    def physical(self) -> str:
        pick = self.random.randrange(6)
        if pick < 3:
            return self.number(self.random.randrange(1 << 14) << 12)
        if pick < 4:
            return self.random.choice(["cr3", "cr3+0x1000", "0xb8000", "0", "0xfee00000", "60M"])
        if pick < 5:
            power = 1 << self.random.choice(POWERS)
            return self.number(power - self.random.choice([0, 0x1000, 1]))
        return self.number(self.random.getrandbits(self.random.choice([26, 32, 52, 64])))

    def argument(self, choice: str) -> str:
        """One word for what the usage calls `choice`. A literal stands for itself."""
        if not choice.isupper():
            return choice
        makers: dict[str, Callable[[], str]] = {
            "ADDR": self.address,
            "VA": self.address,
            "PA": self.physical,
            "SIZE": lambda: self.random.choice(SIZES),
            "BYTES": lambda: self.number(self.random.choice(BYTES)),
            "FLAGS": lambda: self.random.choice(FLAGS),
            "VALUE": lambda: self.number(self.random.getrandbits(self.random.choice(VALUE_BITS))),
            "STRATEGY": lambda: self.random.choice(STRATEGIES),
            "COMMAND": lambda: self.random.choice(sorted(self.commands)),
            "ID": lambda: self.random.choice("TLMHSBCP") + str(self.random.randrange(1, 9)),
            "GLOB": lambda: self.random.choice(SUITES),
        }
        if re.fullmatch("[0-9][KMG]?", choice):
            return choice
        pages = choice in ("VA", "PA") and self.random.random() < 0.8
        self.mask = ((1 << 64) - 1) & ~(0xFFF if pages else 0)
        return makers[choice]()

    def line(self) -> str:
        """A command and arguments, most of them such as it takes; never `force`."""
        # Half of the commands are such as change mappings: they change what the others meet.
        names = sorted(self.commands)
        changing = [name for name in names if any(w.choices == ["VA"] for w in self.commands[name])]
        name = self.random.choice(changing if self.random.random() < 0.5 else names)
        if name == "test" and self.random.random() < 0.9:
            name = "access"  # the tests take as long as hundreds of other commands
        words = []
        for word in self.commands[name]:
            choices = [choice for choice in word.choices if choice != "force"]
            if choices and (not word.optional or self.random.random() < 0.5):
                words.append(self.argument(self.random.choice(choices)))
        if name == "access" and not words and self.random.random() < 0.7:
            words.append(self.random.choice(STRATEGIES))
        if words and self.random.random() < 0.06:
            words[self.random.randrange(len(words))] = self.random.choice(GARBAGE)
        if self.random.random() < 0.02:
            words.append(self.random.choice([*GARBAGE, *SIZES, *FLAGS]))
        if words and self.random.random() < 0.02:
            self.random.shuffle(words)
        if self.random.random() < 0.01:
            name = name[:-1] + self.random.choice("abcxyz_*")
        return " ".join([name, *words]).strip()
