"""The runner's command line. A command's module is imported when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from harness.host.fault import EnvironmentFault
from harness.host.script import EXIT_ENVIRONMENT, EXIT_INTERRUPTED, complain
from harness.machine.project import project

# Name: what it does. Each is a module of this room with NOTES, add_arguments() and run().
COMMANDS = {
    "run": "boot the normal image",
    "test": "run the tests inside the test image",
    "list": "show the tests inside the test image",
    "debug": "boot a test or the kernel stopped, with gdb",
    "map": "draw the page tables of a boot",
    "matrix": "run the tests on machines drawn at random",
    "profiles": "show the machines",
    "bench": "run a benchmark image and show what it says",
    "screenshot": "save the screen with the prompt",
}


def main(description: str, arguments: Sequence[str] | None = None) -> int:
    """description: what `--help` says first. arguments: None for those of the process."""
    options = parse_arguments(description, sys.argv[1:] if arguments is None else arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Who runs this under nohup wants it to outlive the terminal.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    action: Callable[[argparse.Namespace], int] = options.action
    try:
        return action(options)
    except KeyboardInterrupt:
        from harness.qemu.process import stop_everything

        stop_everything()
        return EXIT_INTERRUPTED
    except EnvironmentFault as fault:
        return complain(str(fault), EXIT_ENVIRONMENT)


def parse_arguments(description: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="qemu_runner.py",
        description=description,
        epilog=_epilog(""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    about = f"qemu_runner.py of {project().title} {project().version}"
    parser.add_argument("--version", action="version", version=about)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # No option before the command takes a value.
    chosen = next((word for word in arguments if not word.startswith("-")), "")
    for name, about in COMMANDS.items():
        if name == chosen:
            _add_chosen(commands, name, about)
        else:
            commands.add_parser(name, help=about)
    return parser.parse_args(arguments)


def _add_chosen(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str
) -> None:
    module = importlib.import_module(f"harness.commands.{name}")
    command = commands.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_epilog(name, module.NOTES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(action=module.run)
    module.add_arguments(command)


def _epilog(name: str, notes: str = "") -> str:
    """What stands below the arguments of a command, or of all of them."""
    examples = "\n".join(f"  qemu_runner.py {line}" for line in project().examples.get(name, ()))
    return "\n\n".join(part for part in (notes, f"examples:\n{examples}" if examples else "") if part)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
