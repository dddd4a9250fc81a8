"""What continuous integration runs is what a developer runs, and may do no more than that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import]

from assay.tree import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps_of(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def test_there_is_a_workflow() -> None:
    assert WORKFLOWS


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.name for path in WORKFLOWS])
def test_a_workflow_reads_only_and_ends(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert 0 < job["timeout-minutes"] <= 60


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.name for path in WORKFLOWS])
def test_actions_are_pinned_to_a_commit(path: Path) -> None:
    used = [step["uses"] for step in steps_of(path) if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action


def test_the_steps_are_those_of_the_readme() -> None:
    runs = [step["run"] for step in steps_of(ROOT / ".github/workflows/ci.yml") if "run" in step]
    assert runs[0] == "./scripts/setup.sh"
    assert runs[1].startswith("make test CC=${{ matrix.cc }}")
    by_hand = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\n./scripts/setup.sh\nmake test\n" in by_hand


def test_a_failure_leaves_its_evidence_and_the_report() -> None:
    steps = steps_of(ROOT / ".github/workflows/ci.yml")
    (upload,) = (step for step in steps if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "failure()"
    page = next(step for step in steps if step.get("run", "").startswith("make report"))
    assert page["if"] == "failure()" and steps.index(page) < steps.index(upload)
    kept = ["build/artifacts", "build/junit.xml", "build/report"]
    assert upload["with"]["path"].split() == kept
