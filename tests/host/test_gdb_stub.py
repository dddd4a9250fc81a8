"""The client of QEMU's gdb stub, against a stub that says what it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.qemu.gdb_stub import GdbStub, StubError


@contextmanager
def stub(
    directory: Path, answers: list[bytes], *, hangs_up: bool = False
) -> Iterator[tuple[GdbStub, bytearray]]:
    """A client of a stub that gives an answer for each packet, and what the stub has received."""
    received = bytearray()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(directory / "gdb"))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for number, answer in enumerate(answers, 1):
                    while received.count(b"#") < number and (chunk := connection.recv(4096)):
                        received.extend(chunk)
                    connection.sendall(answer)
                while not hangs_up and (rest := connection.recv(4096)):
                    received.extend(rest)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with GdbStub(directory / "gdb") as client:
                yield client, received
        finally:
            thread.join()


def test_a_breakpoint_is_set_reached_and_taken_away(tmp_path: Path) -> None:
    # What has arrived by the time that it is looked for may be more than one packet.
    answers = [b"+$OK#9a", b"+$T05thread:01;#07+", b"+$OK#9a"]
    with stub(tmp_path, answers) as (client, received):
        client.break_at(0xFFFF_FFFF_8020_1000)
        client.go_on()
        assert client.stopped(5.0)
        client.clear(0xFFFF_FFFF_8020_1000)
    assert bytes(received).replace(b"+", b"") == (
        b"$Z1,ffffffff80201000,1#cf$c#63$z1,ffffffff80201000,1#ef"
    )


def test_what_the_stub_refuses_and_its_end_are_errors(tmp_path: Path) -> None:
    with stub(tmp_path, [b"+$E22#a9", b"+$O"], hangs_up=True) as (client, _):
        with pytest.raises(StubError, match="answered 'E22' to 'Z1,1000,1'"):
            client.break_at(0x1000)
        with pytest.raises(StubError, match="hung up"):
            client.break_at(0x2000)


def test_a_machine_that_runs_on_has_not_stopped(tmp_path: Path) -> None:
    with stub(tmp_path, [b"+"]) as (client, _):
        client.go_on()
        assert not client.stopped(0.01)
