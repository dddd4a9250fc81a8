"""The table ci/rooms: the directories of the code in their order, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

TABLE = "ci/rooms"
C_DIRECTORIES = ("kernel", "mm", "testing", "tests")
SCRIPTS = "scripts"


class RoomsError(Exception):
    """The table cannot be used. One line says why."""


@dataclass(frozen=True)
class Room:
    """A line of the table."""

    name: str  # of the directory, from the root
    purpose: str
    line: int


def read_rooms(root: Path, tops: tuple[str, ...] = C_DIRECTORIES) -> dict[str, Room]:
    """The rooms in these directories by name, from the top of the house to its ground. Raises
    RoomsError."""
    known = (*C_DIRECTORIES, SCRIPTS)
    rooms: dict[str, Room] = {}
    try:
        text = (root / TABLE).read_text(encoding="utf-8")
    except OSError as error:
        raise RoomsError(f"{TABLE}: {error.strerror}") from None
    for number, line in enumerate(text.splitlines(), 1):
        name, _, purpose = line.partition(" ")
        if not line.strip() or line.startswith("#"):
            continue
        if not purpose.strip():
            raise RoomsError(f"{TABLE}:{number}: does not say what {name} is for")
        if name in rooms:
            raise RoomsError(f"{TABLE}:{number}: {name} has a place already, in line {rooms[name].line}")
        if PurePosixPath(name).parts[0] not in known:
            raise RoomsError(f"{TABLE}:{number}: {name} is in none of {', '.join(known)}")
        rooms[name] = Room(name, purpose.strip(), number)
    return {name: room for name, room in rooms.items() if PurePosixPath(name).parts[0] in tops}


def room_of(file: str) -> str:
    """The directory that a file is in."""
    return str(PurePosixPath(file).parent)
