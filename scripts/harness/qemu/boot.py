"""One machine from its start to its end."""

from __future__ import annotations

from harness.qemu.outcome import Outcome, Stop
from harness.qemu.process import Interrupted, Listener, Qemu, is_stopping


def boot(
    command: list[str],
    limit_s: float,
    silence_s: float | None = None,
    listener: Listener | None = None,
    *,
    start: bytes | None = None,
    start_s: float = 0.0,
) -> Outcome:
    """Runs QEMU to its end, or kills it at a limit, in all or (silence_s) without any output.

    start: text up to which start_s is the limit instead; the others begin with it. Raises
    Interrupted when `stop_everything` was called: what became of QEMU then means nothing.
    """
    silence_s = limit_s if silence_s is None else silence_s
    try:
        with Qemu(command, listener) as qemu:
            stop = Stop.FOUND if start is None else qemu.listen(start_s, start_s, start)
            if stop is Stop.FOUND:
                stop = qemu.listen(limit_s, silence_s)
            outcome = qemu.outcome(stop)
    except FileNotFoundError as error:
        return Outcome(Stop.MISSING, None, b"", str(error), command=tuple(command))
    if is_stopping():
        raise Interrupted
    return outcome
