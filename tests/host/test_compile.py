"""Mistakes that the compiler must refuse, each beside the same code without the mistake."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from assay.tree import ROOT

FLAGS = ["-std=gnu11", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-I.", "-Ikernel/port",
         "-c", "-o", "/dev/null"]

MM = '#include "mm/address_space.h"\n'
KERNEL = '#include "kernel/state/kernel.h"\n'

# Name: what is included, good code, bad code, what the compiler says of the bad code.
CASES = {
    "a flush token that is dropped": (
        MM,
        "void f(struct page_table *t, virt_addr a)"
        " { enum page_result r = tlb_flush_now(page_table_unmap(t, a, PAGE_4K)); (void)r; }",
        "void f(struct page_table *t, virt_addr a) { page_table_unmap(t, a, PAGE_4K); }",
        "unused",
    ),
    "an outcome that is stored and not used": (
        MM,
        "int f(struct page_table *t, virt_addr a)"
        " { struct unmap_outcome o = page_table_unmap(t, a, PAGE_4K);"
        " return tlb_flush_ignore(o) == PAGE_OK; }",
        "void f(struct page_table *t, virt_addr a)"
        " { struct unmap_outcome o = page_table_unmap(t, a, PAGE_4K); }",
        "unused variable",
    ),
    "a physical address for a virtual one": (
        MM,
        "struct translation f(struct page_table *t, virt_addr a)"
        " { return page_table_translate(t, a); }",
        "struct translation f(struct page_table *t, phys_addr a)"
        " { return page_table_translate(t, a); }",
        "incompatible type",
    ),
    "a number for an address": (
        MM,
        "struct translation f(struct page_table *t, uint64_t a)"
        " { return page_table_translate(t, virt_addr_of(a)); }",
        "struct translation f(struct page_table *t, uint64_t a)"
        " { return page_table_translate(t, a); }",
        "incompatible type",
    ),
    "an allocation whose failure is ignored": (
        MM,
        "bool f(struct frame_source *s, phys_addr *p) { return frame_source_allocate(s, 0, p); }",
        "void f(struct frame_source *s, phys_addr *p) { frame_source_allocate(s, 0, p); }",
        "unused",
    ),
    "a kernel entry of another type": (
        KERNEL,
        "static void m(struct kernel *k) { (void)k; }\nKERNEL_ENTRY(m);",
        "static void m(int k) { (void)k; }\nKERNEL_ENTRY(m);",
        "the kernel's entry must have the type void (struct kernel *)",
    ),
}


def compile_text(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    source = directory / "case.c"
    source.write_text(text + "\n", encoding="utf-8")
    compiler = os.environ.get("CC", "gcc")
    return subprocess.run(
        [compiler, *FLAGS, str(source)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("case", CASES)
def test_the_compiler_refuses(tmp_path: Path, case: str) -> None:
    include, good, bad, message = CASES[case]
    accepted = compile_text(tmp_path, include + good)
    assert accepted.returncode == 0, accepted.stderr
    refused = compile_text(tmp_path, include + bad)
    assert refused.returncode != 0, "it was accepted"
    assert message in refused.stderr.replace("\\'", "'"), refused.stderr


def test_the_compiler_accepts_the_test_in_the_readme(tmp_path: Path) -> None:
    blocks = re.findall(r"^```c\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 1
    accepted = compile_text(tmp_path, blocks[0])
    assert accepted.returncode == 0, accepted.stderr
