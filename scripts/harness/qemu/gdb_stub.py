"""QEMU's gdb stub, as much of it as it takes to stop a machine at an address."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from harness.qemu.connection import AnswerError, connect

LIMIT_S = 10.0
HUNG_UP = "QEMU's gdb stub has hung up"


class StubError(AnswerError):
    """The stub refused a command or did not answer."""


class StubLost(StubError, ConnectionError):
    """The stub has hung up."""


class GdbStub:
    """A connection to the stub on a unix socket; to connect stops the machine."""

    def __init__(self, path: Path) -> None:
        self._socket = connect(path, LIMIT_S)
        self._received = b""

    def __enter__(self) -> GdbStub:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def break_at(self, address: int) -> None:
        """Sets a breakpoint of the CPU's own kind, which needs no memory to be set in."""
        self._command(f"Z1,{address:x},1")

    def clear(self, address: int) -> None:
        self._command(f"z1,{address:x},1")

    def go_on(self) -> None:
        """Lets the machine run; `stopped` tells when it has reached a breakpoint."""
        self._send("c")

    def stopped(self, limit_s: float) -> bool:
        """Whether the machine has stopped at a breakpoint, for which this waits so long."""
        self._socket.settimeout(limit_s)
        try:
            self._receive()
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(LIMIT_S)
        return True

    def _command(self, text: str) -> None:
        self._send(text)
        answer = self._receive()
        if answer != "OK":
            raise StubError(f"QEMU's gdb stub answered '{answer}' to '{text}'")

    def _send(self, text: str) -> None:
        data = text.encode("ascii")
        self._send_bytes(b"$%s#%02x" % (data, sum(data) & 0xFF))

    def _send_bytes(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise StubLost(HUNG_UP) from None

    def _receive(self) -> str:
        """The next packet, $text#checksum, which it acknowledges. Raises TimeoutError."""
        while not 0 <= self._received.find(b"#") <= len(self._received) - 3:
            try:
                chunk = self._socket.recv(4096)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise StubLost(HUNG_UP)
            self._received += chunk
        # Between packets there are only acknowledgements.
        text, _, rest = self._received.lstrip(b"+")[1:].partition(b"#")
        self._received = rest[2:]
        self._send_bytes(b"+")
        return text.decode("ascii", errors="replace")
