"""Each target of `make fuzz` runs for a moment, on inputs that follow from the seed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from assay.tree import ROOT
from seed import again, run_seed

RUNS = 500
LIMIT_S = 120
PROGRAM = "int LLVMFuzzerTestOneInput(const char *bytes, unsigned long count) { return 0; }"


def find_fault(directory: Path) -> str | None:
    """Why targets cannot be built here."""
    if shutil.which("clang") is None:
        return "clang is missing: Debian's package clang has it"
    source = directory / "empty.c"
    source.write_text(PROGRAM, encoding="ascii")
    command = ["clang", "-fsanitize=fuzzer", str(source), "-o", str(directory / "empty")]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return "clang has no libFuzzer: Debian's package libclang-rt-dev has it"
    return None


# The operations on page tables have random tests of their own. One test, for one `make` at a time.
def test_a_short_run_of_each_target_finds_nothing(tmp_path: Path) -> None:
    fault = find_fault(tmp_path)
    if fault:
        pytest.skip(fault)
    binaries = [f"build/fuzz/fuzz_{name}" for name in ("boot", "fw_cfg", "memory_map", "prompt")]
    made = subprocess.run(
        ["make", "-s", *binaries],
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    for binary in binaries:
        done = subprocess.run(
            [ROOT / binary, f"-runs={RUNS}", f"-seed={run_seed() % 2**32}", "-max_len=512", "-len_control=0",
             f"-artifact_prefix={tmp_path}/"],
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )
        assert done.returncode == 0, f"{binary}:\n{done.stderr}\nagain: {again()}"
        assert f"Done {RUNS} runs" in done.stderr
