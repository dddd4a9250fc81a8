"""Types random commands at the prompt until the kernel ends, or answers as it never should."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pexpect  # type: ignore[import]

from monitor_session import PROMPT, Session
from prompt_grammar import TOUCHING, Grammar

# Commands that are typed at once. The terminal must hold them while the kernel answers the first.
BATCH = 25
LIMIT_S = 60.0
# Boots that a failure's commands are made fewer with.
SHRINK_TRIES = 60
FAULT = re.compile(r"^(panic: |page fault: |[a-z -]+(fault|exception)[a-z ]*: error code )", re.M)


@dataclass
class Failure:
    """What came of the last of the commands."""

    commands: list[str]
    said: str

    def __str__(self) -> str:
        return "\n".join([*(f"{PROMPT}{line}" for line in self.commands), self.said])


@dataclass
class Machine:
    """Where commands are typed: a profile, and words for the kernel."""

    words: str
    profile: str

    def session(self) -> Session:
        return Session(self.words, self.profile)


def grammar_of(session: Session, seed: int) -> Grammar:
    names = ["help", *(line.split()[0] for line in session.ask("help"))]
    return Grammar([session.ask(f"help {name}")[0] for name in names], session.ask("layout"), seed)


def complaint(line: str, answer: str) -> str | None:
    """What is wrong with an answer, if anything is."""
    command = line.split()[0]
    if not answer.strip():
        return "no answer"
    if command not in TOUCHING and command != "test" and FAULT.search(answer):
        return "a fault in a command that touches nothing for the user"
    return None


def play(session: Session, lines: list[str]) -> Failure | None:
    """Types the lines, all at once, and reads an answer to each."""
    session.child.send("".join(f"{line}\r" for line in lines))
    for count, line in enumerate(lines, 1):
        try:
            session.child.expect(f"\r+\n{PROMPT}", timeout=LIMIT_S)
        except (pexpect.EOF, pexpect.TIMEOUT) as error:
            end = "the kernel ended" if isinstance(error, pexpect.EOF) else "no prompt came back"
            return Failure(lines[:count], f"{session.child.before or ''}\n{end}")
        answer = session.child.before.partition("\n")[2]
        wrong = complaint(line, answer)
        if wrong:
            return Failure(lines[:count], f"{answer}\n{wrong}")
    return None


def replay(machine: Machine, lines: list[str]) -> Failure | None:
    """Types the lines at a prompt of their own."""
    done: list[str] = []
    with machine.session() as session:
        for first in range(0, len(lines), BATCH):
            batch = lines[first : first + BATCH]
            failure = play(session, batch)
            if failure:
                return Failure(done + failure.commands, failure.said)
            done += batch
    return None


def shrink(machine: Machine, failure: Failure) -> Failure:
    """Leaves out commands, in pieces that get smaller, as long as some failure is left."""
    size = len(failure.commands) // 2
    tries = 0
    while size > 0 and tries < SHRINK_TRIES:
        start = 0
        while start < len(failure.commands) and tries < SHRINK_TRIES:
            fewer = failure.commands[:start] + failure.commands[start + size :]
            tries += 1
            found = replay(machine, fewer) if fewer else None
            if found:
                failure = found
            else:
                start += size
        size = min(size, len(failure.commands)) // 2
    return failure


def drive(machine: Machine, seed: int, count: int) -> Failure | None:
    """Types `count` random commands. Returns the first failure, with as few commands as it takes."""
    done: list[str] = []
    with machine.session() as session:
        grammar = grammar_of(session, seed)
        while len(done) < count:
            batch = [grammar.line() for _ in range(min(BATCH, count - len(done)))]
            failure = play(session, batch)
            if failure:
                break
            done += batch
        else:
            return None
    return shrink(machine, Failure(done + failure.commands, failure.said))
