"""The page of a test run: what it counts, shows and links to, and what it must not show."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

import pytest

import report
from assay.tree import ROOT
from harness.report import page as page_maker
from harness.report.junit import JunitError, read_run
from harness.report.page import kernel_matrix

HOSTILE = "</pre><script>alert('&amp;')</script>"
PNG = b"\x89PNG\r\n\x1a\n and the rest"

# A run of each verdict. The names of the tests are those of their verdicts.
VERDICTS = f'''
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no fixture")

def test_passed(): pass
def test_passed_too(): pass
def test_failed(): assert 1 == 2, {HOSTILE!r}
def test_skipped(): pytest.skip({HOSTILE!r})
def test_error(broken): pass

@pytest.mark.xfail(reason="known to fail")
def test_xfailed(): assert False

@pytest.mark.xfail(reason="should fail", strict=True)
def test_failed_for_it_passed(): pass
'''


class Page(HTMLParser):
    """What a browser sees of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.text = ""
        self.links: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.scripts = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []
        self.ids += [found["id"]] if "id" in found else []
        self.scripts += tag == "script"

    def handle_data(self, data: str) -> None:
        self.text += data


def make(build: Path) -> Page:
    """The page of build/junit.xml."""
    page = build / "report" / "index.html"
    arguments = ["--junit", str(build / "junit.xml"), "--output", str(page)]
    assert report.main(arguments) == report.EXIT_OK
    return Page(page)


def run_pytest(build: Path, *arguments: str) -> int:
    """A real run with the project's hooks, reported to build/junit.xml."""
    path = os.pathsep.join((str(ROOT / "tests"), str(ROOT / "scripts")))
    command = [sys.executable, "-m", "pytest", "-p", "conftest", f"--rootdir={build}",
               "-p", "no:cacheprovider", f"--junitxml={build / 'junit.xml'}", *arguments]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, cwd=build, env=environment, capture_output=True, timeout=60, check=False
    )
    return done.returncode


def write_run(
    build: Path,
    message: str,
    name: str = "test[fast-map_to.fails]",
    notes: Sequence[tuple[str, int]] = (("exit_status", 1), ("selected", 1)),
    results: Sequence[str] = (),
) -> None:
    """A JUnit file of one failed test in the kernel, which ran from one minute ago until now."""
    started = (datetime.now() - timedelta(seconds=60)).isoformat()
    properties = "".join(f'<property name="{key}" value="{value}"/>' for key, value in notes)
    inner = "".join(f'<property name="result" value={quoteattr(line)}/>' for line in results)
    (build / "junit.xml").write_text(
        f'<testsuites><testsuite name="pytest" time="60" timestamp="{started}" hostname="here">'
        f"<properties>{properties}</properties>"
        f'<testcase classname="tests.kernel.test_kernel" name="{name}" time="0.5">'
        f"<properties>{inner}</properties>"
        f"<failure message={quoteattr(message)}/></testcase></testsuite></testsuites>"
    )


def keep(build: Path, name: str = "fast-map_to.fails", **files: bytes) -> Path:
    """Artefacts of a failure. *Returns:* their directory."""
    directory = build / "artifacts" / name
    directory.mkdir(parents=True)
    for key, content in {"verdict_txt": b"failed\n", **files}.items():
        (directory / key.replace("_", ".")).write_bytes(content)
    return directory


KEPT = """\
failed: 1 of 1 tests
artefacts: build/artifacts/fast-map_to.fails/ (verdict.txt)
again: ./scripts/qemu_runner.py test map_to.fails
under gdb: ./scripts/qemu_runner.py debug map_to.fails"""


@pytest.mark.parametrize("workers", (0, 2))
def test_each_verdict_is_counted_as_what_it_is(tmp_path: Path, workers: int) -> None:
    (tmp_path / "test_verdicts.py").write_text(VERDICTS)
    assert run_pytest(tmp_path, "-n", str(workers)) == 1
    run = read_run(tmp_path / "junit.xml")
    assert run.counts == {"passed": 2, "failed": 2, "error": 1, "skipped": 1, "xfailed": 1}
    for item in run.items:
        assert item.name.startswith(f"test_{item.verdict}")
    assert (run.exit_status, run.selected, run.trouble, run.green) == (1, 7, "", False)


def test_a_run_that_passes_is_green(tmp_path: Path) -> None:
    (tmp_path / "test_good.py").write_text("def test_passed(): pass\n")
    assert run_pytest(tmp_path) == 0
    assert read_run(tmp_path / "junit.xml").green
    assert "Not passed" not in make(tmp_path).text


def test_a_run_that_stopped_early_is_no_whole_one(tmp_path: Path) -> None:
    (tmp_path / "test_verdicts.py").write_text(VERDICTS)
    assert run_pytest(tmp_path, "-x") == 1
    assert "stopped early: 3 of 7 selected tests have a verdict" in make(tmp_path).text


def test_an_interrupted_run_is_no_whole_one(tmp_path: Path) -> None:
    (tmp_path / "test_interrupted.py").write_text(
        "def test_a(): pass\ndef test_b(): raise KeyboardInterrupt\ndef test_c(): pass\n"
    )
    assert run_pytest(tmp_path) == 2
    run, page = read_run(tmp_path / "junit.xml"), make(tmp_path)
    assert not run.green
    assert "was interrupted" in page.text and " of 3 selected tests" in page.text


def test_a_run_that_fails_without_a_failed_test_is_not_green(tmp_path: Path) -> None:
    (tmp_path / "test_good.py").write_text("def test_passed(): pass\n")
    (tmp_path / "judge.py").write_text(
        "import pytest\nclass Judge:\n    @pytest.hookimpl(tryfirst=True)\n"
        "    def pytest_sessionfinish(self, session): session.exitstatus = 1\n"
        "def pytest_configure(config): config.pluginmanager.register(Judge())\n"
    )
    assert run_pytest(tmp_path, "-p", "judge") == 1
    page = make(tmp_path)
    assert "though no test did" in page.text and "Not passed" in page.text


def test_a_run_without_tests_is_not_green(tmp_path: Path) -> None:
    (tmp_path / "test_good.py").write_text("def test_passed(): pass\n")
    assert run_pytest(tmp_path, "-k", "nothing") == 5
    page = make(tmp_path)
    assert "No test ran" in page.text and "Not passed" in page.text


def test_a_file_that_does_not_tell_how_the_run_ended_is_not_trusted(tmp_path: Path) -> None:
    write_run(tmp_path, "failed", notes=())
    assert "does not say how the run ended" in make(tmp_path).text


def test_what_tests_say_is_text_and_no_markup(tmp_path: Path) -> None:
    (tmp_path / "test_verdicts.py").write_text(VERDICTS)
    run_pytest(tmp_path)
    page = make(tmp_path)
    assert page.scripts == 1, "the page has a script of its own"
    assert page.text.count(HOSTILE) >= 2
    assert "alert(" in page.text


def test_reasons_of_skipped_tests_are_shown(tmp_path: Path) -> None:
    lines = ("ok 1 map_to.a # SKIP no VGA text screen", "ok 2 map_to.b", "not ok 3 unmap.c")
    write_run(tmp_path, "failed", "test_suite[la57]", results=lines)
    page = make(tmp_path)
    assert "no VGA text screen" in page.text and "map_to.a" in page.text
    assert "1 failed, 1 skipped, 1 passed" in page.text
    _, matrix = kernel_matrix(read_run(tmp_path / "junit.xml"))
    assert matrix["map_to"] == {"la57": {"skipped": 1, "passed": 1}}
    assert matrix["unmap"] == {"la57": {"failed": 1}}


def test_a_failure_is_shown_with_what_it_left(tmp_path: Path) -> None:
    log = b"boot\n\x00\xff\x1b[31m<b>\n"
    keep(tmp_path, serial_log=log, screen_png=PNG, registers_txt=b"CR3=1")
    write_run(tmp_path, KEPT)
    page = make(tmp_path)
    for text in ("boot\n\\x00\\xff<b>", "CR3=1", "./scripts/qemu_runner.py test map_to.fails"):
        assert text in page.text
    assert [source[:22] for source in page.sources] == ["data:image/png;base64,"]
    assert "../artifacts/fast-map_to.fails/serial.log" in page.links


def test_every_link_leads_somewhere_and_none_to_the_network(tmp_path: Path) -> None:
    keep(tmp_path, serial_log=b"boot\n", screen_png=PNG, page_map_html=b"x")
    (tmp_path / "artifacts" / "fast-map_to.fails" / "a #%?&\".txt").touch()
    write_run(tmp_path, KEPT)
    page = make(tmp_path)
    assert len(page.links) >= 5
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert "#" not in link and "?" not in link and not link.startswith("/")
            assert (page.path.parent / unquote(link)).is_file(), link
    assert all(source.startswith("data:") for source in page.sources)
    html = page.path.read_text(encoding="utf-8")
    for forbidden in ("http:", "https:", "url(", "@import", "src=\"/", "href=\"/"):
        assert forbidden not in html


def test_a_long_log_is_cut_at_its_beginning_and_linked(tmp_path: Path) -> None:
    keep(tmp_path, serial_log=b"first\n" + b"x" * 79 + b"\n" * (3 << 20) + b"last\n")
    write_run(tmp_path, KEPT)
    page = make(tmp_path)
    assert "last\n" in page.text and "first\n" not in page.text
    assert "the last 32 KiB of 3072; the whole file is linked below" in page.text
    assert page.path.stat().st_size < 200 << 10
    assert "../artifacts/fast-map_to.fails/serial.log" in page.links


def test_the_page_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_maker, "PAGE_BYTES_MAX", 10)
    keep(tmp_path, serial_log=b"far more than ten bytes\n", screen_png=PNG)
    write_run(tmp_path, KEPT)
    page = make(tmp_path)
    assert "far more than ten bytes" not in page.text and page.sources == []
    assert "../artifacts/fast-map_to.fails/serial.log" in page.links


@pytest.mark.parametrize("age_s", (-3600, 3600))
def test_artefacts_of_another_run_are_not_shown(tmp_path: Path, age_s: int) -> None:
    directory = keep(tmp_path, serial_log=b"stale\n")
    write_run(tmp_path, KEPT)
    made = (directory / "verdict.txt").stat().st_mtime - age_s
    os.utime(directory / "verdict.txt", (made, made))
    page = make(tmp_path)
    assert "are of another run" in page.text and "stale\n" not in page.text
    assert not [link for link in page.links if "artifacts" in link]


def test_artefacts_that_no_failure_names_are_not_shown(tmp_path: Path) -> None:
    keep(tmp_path, "fast-unmap.other", serial_log=b"stale\n")
    write_run(tmp_path, "failed: without artefacts")
    page = make(tmp_path)
    assert "stale\n" not in page.text
    assert "1 other directory" in page.text and "fast-unmap.other" in page.text


def test_artefacts_that_are_gone_are_told(tmp_path: Path) -> None:
    write_run(tmp_path, KEPT)
    assert "artefacts that it names are gone: fast-map_to.fails" in make(tmp_path).text


def test_a_name_that_leaves_the_artefacts_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "verdict.txt").write_text("secret")
    (tmp_path / "serial.log").write_text("secret\n")
    write_run(tmp_path, "artefacts: build/artifacts/../ (verdict.txt)")
    assert "secret\n" not in make(tmp_path).text


def test_a_failure_outside_the_kernel_names_pytests_command(tmp_path: Path) -> None:
    write_run(tmp_path, "assert 1 == 2", name="test_other[a-b]")
    node = "'tests/kernel/test_kernel.py::test_other[a-b]'"
    assert f"-m pytest -c tests/pytest.ini --rootdir=. {node}" in make(tmp_path).text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is missing; `make test` writes it"),
        (b"", "is damaged: no element found"),
        (b"<testsuites><testsuite>", "is damaged"),
        (b"\x00\xff\x00", "is damaged"),
        (b"<html/>", "has no testsuite"),
        (b'<testsuite timestamp="yesterday" time="1"/>', "is damaged: Invalid isoformat"),
    ],
)
def test_no_run_to_show_is_one_line_and_exit_code_2(
    tmp_path: Path, content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / "junit.xml", tmp_path / "index.html"
    if content is not None:
        file.write_bytes(content)
    assert report.main(["--junit", str(file), "--output", str(page)]) == report.EXIT_NOTHING
    stderr = capsys.readouterr().err
    assert said in stderr and len(stderr.splitlines()) == 1
    assert not page.exists()
    with pytest.raises(JunitError):
        read_run(file)


def test_a_page_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, "failed")
    (tmp_path / "file").touch()
    arguments = ["--junit", str(tmp_path / "junit.xml"), "--output", str(tmp_path / "file" / "x")]
    assert report.main(arguments) == report.EXIT_ENVIRONMENT
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_shows_the_way() -> None:
    done = subprocess.run([report.__file__, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--junit FILE" in done.stdout
