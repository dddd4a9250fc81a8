"""The rooms of scripts/, from the ground up: each may import from those above it in this list.

ci/check_imports.py enforces the order; docs/architecture.md shows the table.
"""

from __future__ import annotations

# What serves any kernel. It imports nothing from outside itself.
HARNESS = "scripts/harness"
# What one types. It stands above all rooms.
ENTRY = "scripts"

# The directory, and what it is for.
ROOMS = (
    ("scripts/harness/host", "how a script starts and ends, files, temporary directories"),
    ("scripts/harness/machine", "what a machine is, and the project that entry scripts hand in"),
    ("scripts/harness/image", "an image without a boot: ELF, symbols, source lines, its tests"),
    ("scripts/harness/qemu", "QEMU's command line, processes and connections; machines drawn at random"),
    ("scripts/harness/verdict", "what a kernel says, and the verdict on it"),
    ("scripts/harness/pages", "page tables: read from a stopped machine, compared, drawn"),
    ("scripts/harness/evidence", "what is kept of a boot that failed"),
    ("scripts/harness/suite", "the tests of an image: chosen, booted, counted"),
    ("scripts/harness/terminal", "a kernel on the user's terminal, and how its run ended"),
    ("scripts/harness/debugger", "a session with gdb, and what gdb knows of a stopped machine"),
    ("scripts/harness/report", "the page on a run of tests"),
    ("scripts/harness/commands", "the runner's commands, a module each"),
    ("scripts/harness", "the package itself"),
    ("scripts/assay", "Assay's own: its machines, images, names of addresses, variables"),
    ("scripts/make", "what only the Makefile calls"),
    (ENTRY, "what one types: the runner, pictures, figures, the page of a run, gdb's commands"),
)
