"""The translations of the README say what it says, and the check can tell when they do not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from check_translations import differences, missing_links
from assay.tree import ROOT

ENGLISH = """\
# Name

English · [日本語](README.ja.md)

A library in `mm/`, with `make` and `make test`. See [docs](docs/mm.md).

## Run it

    make run

| target | what | settings |
|---|---|---|
| `all` | builds `a.elf` | `CC=gcc` or `clang` |
| `run` | see [more](docs/run.md) | |

## Layout

    kernel/   the kernel, and
              what it needs
    mm/       a library

```c
CHECK(true);
```
"""

JAPANESE = """\
# Name

[English](README.md) · 日本語

`make` と `make test` で作る、[文書](docs/mm.md)のある `mm/` のライブラリです。`mm/` だけです。

## 動かす

    make run

| ターゲット | 内容 | 設定 |
|---|---|---|
| `all` | `a.elf` を作る | `clang` または `CC=gcc` |
| `run` | [詳細](docs/run.md) | |

## 構成

    kernel/   カーネル
    mm/       ライブラリ

```c
CHECK(true);
```
"""

# What is changed in the translation, and what must be said of it.
DRIFT = [
    ("## 構成\n", "### 構成\n", ":16: '### 構成' stands where README.md has '## Layout'"),
    ("## 構成\n", "## 構成\n\n## もう一つ\n",
     ":18: '## もう一つ' stands where README.md has no heading"),
    ("## 構成\n", "", ":7: no heading stands where README.md has '## Layout'"),
    ("    make run\n", "    make start\n",
     ":9: command: lacks make run; has, and README.md has not, make start"),
    ("    make run\n", "", "command: lacks make run"),
    ("    mm/       ライブラリ\n", "", "command: lacks mm/; has, and README.md has not, ```c"),
    ("CHECK(true);", "CHECK(false);", "command: lacks CHECK(true);"),
    ("| `all` | `a.elf` を作る | `clang` または `CC=gcc` |\n", "", "row: lacks `CC=gcc`"),
    ("| `run` | [詳細](docs/run.md) | |\n", "", "row: lacks `run`, docs/run.md"),
    ("| `run` | [詳細](docs/run.md) | |\n", "| `run` | 詳細 | |\n", "row: lacks docs/run.md"),
    ("`clang` または ", "", ":13: row: lacks `clang`"),
    ("`a.elf`", "`b.elf`", "row: lacks `a.elf`; has, and README.md has not, `b.elf`"),
    ("| `run` | ", "| `run` `run` | ", "row: not as often"),
    ("`make test`", "テスト", ":1: text of 'Name': lacks `make test`"),
    ("(docs/mm.md)", "(docs/nn.md)", "text of 'Name': lacks docs/mm.md"),
    ("ライブラリです", "`x` です", "text of 'Name': has, and README.md has not, `x`"),
    ("[English](README.md) · ", "", "README.ja.md:1: no link to README.md"),
]


def project(root: Path, japanese: str, english: str = ENGLISH) -> list[str]:
    (root / "README.md").write_text(english)
    translation = root / "README.ja.md"
    translation.write_text(japanese)
    return [*differences(root, translation), *missing_links(root)]


def run_check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "ci" / "check_translations.py"), *(str(word) for word in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_projects_translations_follow_its_readme() -> None:
    result = run_check()
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_translation_with_its_own_words_is_accepted(tmp_path: Path) -> None:
    assert project(tmp_path, JAPANESE) == []
    assert run_check(tmp_path).returncode == 0


@pytest.mark.parametrize(("old", "new", "told"), DRIFT, ids=[told for *_, told in DRIFT])
def test_drift_is_reported(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert JAPANESE.count(old) == 1
    found = project(tmp_path, JAPANESE.replace(old, new))
    assert len(found) == 1 and told in found[0], found
    assert run_check(tmp_path).returncode == 1


def test_what_the_readme_alone_has_is_reported(tmp_path: Path) -> None:
    row = "| `new` | is new | |\n"
    found = project(tmp_path, JAPANESE, ENGLISH.replace("| `run` | see", row + "| `run` | see"))
    assert len(found) == 1 and "row: lacks `new`" in found[0]
    found = project(tmp_path, JAPANESE, ENGLISH.replace("[日本語](README.ja.md)", ""))
    assert found == ["README.md:1: no link to README.ja.md"]


def test_each_row_that_differs_is_reported(tmp_path: Path) -> None:
    found = project(tmp_path, JAPANESE.replace("`clang` または ", "").replace("docs/run.md", "x"))
    assert [line.split(": ")[0] for line in found] == ["README.ja.md:13", "README.ja.md:14"]


def test_no_translation_is_a_failure(tmp_path: Path) -> None:
    assert run_check(tmp_path).returncode == 1
    (tmp_path / "README.md").write_text(ENGLISH)
    assert run_check(tmp_path).returncode == 1
