"""The links of the documents lead somewhere, and the check names each that does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What the check accepts, with a trap or two.
GOOD = {
    "README.md": """\
# Title of it all

[guide](docs/guide.md), [a part](docs/guide.md#the-second-part), [here](#title-of-it-all),
[outside](https://example.org/none#x), <mailto:me@example.org>, [mail](mailto:me@example.org),
[titled](docs/guide.md "a title"), ![picture](docs/a%20picture.png), [directory](docs/),
[![linked picture](docs/a%20picture.png)](docs/guide.md), [code](mm/a.c#L2), [same][named],
[rooted](/docs/guide.md), [twice](docs/guide.md#the-second-part-1), and an array `a[1](none.md)` that is none.

[named]: docs/guide.md#a-code-word

    [indented code](none.md)

- an item

  [goes on](docs/guide.md#again-1)

```
[fenced](none.md)
# no heading
```
""",
    "docs/guide.md": """\
The second part
===
## The second part
## A `code` word!
## Again
## Again
~~~
```
# not a heading
~~~
[up](../README.md#title-of-it-all)
<a id="placed"></a>[there](#placed)
""",
    "docs/a picture.png": "",
    "mm/a.c": "one\ntwo\n",
    "build/made.md": "[nowhere](none.md)\n",
    ".cache/kept.md": "[nowhere](none.md)\n",
}

BAD = [
    # (file, its text, the line that must be named, what must be said)
    ("new.md", "[x](none.md)\n", 1, "there is no none.md"),
    ("docs/new.md", "\n[x](README.md)\n", 2, "there is no docs/README.md"),
    ("new.md", "[x](docs/Guide.md)\n", 1, "there is no docs/Guide.md"),
    ("new.md", "![x](docs/none.png)\n", 1, "there is no docs/none.png"),
    ("new.md", "[![x](docs/none.png)](README.md)\n", 1, "there is no docs/none.png"),
    ("new.md", "[x][y]\n\n[y]: none.md\n", 3, "there is no none.md"),
    ("new.md", "[x](README.md#none)\n", 1, "README.md has no heading #none"),
    ("new.md", "[x](README.md#no-heading)\n", 1, "has no heading #no-heading"),
    ("new.md", "[x](docs/guide.md#again-2)\n", 1, "has no heading #again-2"),
    ("new.md", "[x](docs/guide.md#the-second-part-2)\n", 1, "no heading #the-second-part-2"),
    ("new.md", "# One\n[x](#two)\n", 2, "new.md has no heading #two"),
    ("new.md", "[x](mm/a.c#L3)\n", 1, "mm/a.c has no #L3"),
    ("new.md", "[x](docs/#one)\n", 1, "docs is a directory"),
    ("new.md", "[x](../other/README.md)\n", 1, "leads out of the project"),
    ("new.md", "[x]()\n", 1, "a link without a target"),
    ("new.md", "```\ncode\n```\n[x](none.md)\n", 4, "there is no none.md"),
    ("new.md", "a paragraph\n    that [goes on](none.md)\n", 2, "there is no none.md"),
]


def run_check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "ci" / "check_links.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_links_of_the_project_lead_somewhere() -> None:
    result = run_check()
    assert result.returncode == 0, result.stdout + result.stderr


def test_good_links_are_accepted(tmp_path: Path) -> None:
    write_tree(tmp_path, GOOD)
    result = run_check(str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(("name", "text", "line", "message"), BAD)
def test_a_link_that_leads_nowhere_is_named(
    tmp_path: Path, name: str, text: str, line: int, message: str
) -> None:
    write_tree(tmp_path, GOOD | {name: text})
    result = run_check(str(tmp_path))
    assert result.returncode == 1
    found = result.stdout.splitlines()
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:{line}: ") and message in found[0]


def test_nothing_to_check_is_a_failure(tmp_path: Path) -> None:
    assert run_check(str(tmp_path)).returncode == 1


def test_help_and_wrong_use() -> None:
    assert run_check("--help").returncode == 0
    assert run_check("a", "b").returncode == 2
