"""Many boots of a test image: the runner's command `test`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from harness.host.script import EXIT_ENVIRONMENT, EXIT_FAILURES, EXIT_INTERRUPTED, EXIT_OK, complain
from harness.image.test_records import KernelTest
from harness.machine.profile import Profile
from harness.qemu.process import Interrupted, stop_everything
from harness.suite.kernel_tests import boot_tests
from harness.suite.progress import Progress
from harness.verdict.verdict import Verdict

@dataclass(frozen=True)
class Job:
    """One boot. words: more for the kernel's command line."""

    profile: Profile
    tests: tuple[KernelTest, ...]
    glob: str
    words: str
    image: str
    label: str

    def run(self, progress: Progress) -> Verdict:
        progress.begin(self.label)
        return boot_tests(self.tests, self.profile, self.glob, self.words, image=self.image)


def run_jobs(
    jobs: Sequence[Job], at_a_time: int, verbose: bool, left_out: Sequence[Job] = (), why: str = ""
) -> int:
    """Runs them and tells how it went. left_out: those that this host cannot run, and why, which
    count as skipped. *Returns:* the runner's exit code."""
    progress = Progress(len(jobs), verbose)
    for job in left_out:
        progress.note(f"skip  {job.label} ({why})")
    started = time.monotonic()
    verdicts: list[Verdict] = []
    pool = ThreadPoolExecutor(max_workers=at_a_time)
    try:
        waiting = {pool.submit(job.run, progress): job.label for job in jobs}
        for future in as_completed(waiting):
            verdict = future.result()
            verdicts.append(verdict)
            progress.end(waiting[future], verdict)
    except (KeyboardInterrupt, Interrupted):
        stop_everything()
        progress.finish()
        told = f"interrupted after {len(verdicts)} of {len(jobs)} boots; no QEMU is left running"
        return complain(told, EXIT_INTERRUPTED)
    finally:
        if len(verdicts) < len(jobs):
            stop_everything()
        pool.shutdown(cancel_futures=True)
    progress.finish()
    left_out_count = sum(len(job.tests) for job in left_out)
    return conclude(verdicts, len(jobs), left_out_count, time.monotonic() - started)


def conclude(
    verdicts: Sequence[Verdict], boot_count: int, left_out_count: int, seconds: float
) -> int:
    """Prints the count; something must have run, and every boot must be green. left_out_count:
    tests that had no boot."""
    results = [result for verdict in verdicts for result in verdict.results]
    green = sum(verdict.green for verdict in verdicts)
    passed = sum(result.ok and not result.skipped for result in results)
    failed = sum(not result.ok for result in results)
    skipped = sum(result.skipped for result in results) + left_out_count
    counts = f"{green} of {boot_count} boots green; {passed} tests passed"
    counts += f", {failed} failed" if failed else ""
    print(f"{counts}, {skipped} skipped, in {seconds:.1f} s", flush=True)
    if any(verdict.environment_at_fault for verdict in verdicts):
        return EXIT_ENVIRONMENT
    if green == boot_count and passed == 0:
        return complain("every test was skipped: nothing ran", EXIT_FAILURES)
    return EXIT_OK if green == boot_count else EXIT_FAILURES
