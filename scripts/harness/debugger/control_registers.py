"""The registers that decide how addresses are translated, with their bits by name.

Source: Intel SDM volume 3, 2.5 "Control Registers" and 2.2.1 "Extended Feature Enable Register".
"""

from __future__ import annotations

from dataclasses import dataclass

CR0_PAGING = 1 << 31
CR4_PHYSICAL_ADDRESS_EXTENSION, CR4_LA57 = 1 << 5, 1 << 12
EFER_LONG_MODE_ACTIVE = 1 << 10
ROOT_MASK = 0x000F_FFFF_FFFF_F000
CR4_PCID_ENABLE = 1 << 17
PCID_MASK = 0xFFF

CR0_BITS = {
    0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW", 30: "CD",
    31: "PG",
}
CR3_BITS = {3: "PWT", 4: "PCD"}
CR4_BITS = {
    0: "VME", 1: "PVI", 2: "TSD", 3: "DE", 4: "PSE", 5: "PAE", 6: "MCE", 7: "PGE", 8: "PCE",
    9: "OSFXSR", 10: "OSXMMEXCPT", 11: "UMIP", 12: "LA57", 13: "VMXE", 14: "SMXE", 16: "FSGSBASE",
    17: "PCIDE", 18: "OSXSAVE", 20: "SMEP", 21: "SMAP", 22: "PKE", 23: "CET", 24: "PKS",
}
EFER_BITS = {0: "SCE", 8: "LME", 10: "LMA", 11: "NXE"}
RFLAGS_BITS = {
    0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF", 14: "NT",
    16: "RF", 17: "VM", 18: "AC", 21: "ID",
}
RFLAGS_ALWAYS = 1 << 1


class NoTables(Exception):
    """The CPU translates nothing, or not with tables of long mode."""


@dataclass(frozen=True)
class ControlRegisters:
    """As they were when the machine stopped. efer: None where it is not known, as in a core."""

    cr0: int
    cr2: int
    cr3: int
    cr4: int
    rflags: int
    efer: int | None = None

    def tables(self) -> tuple[int, int]:
        """The physical address of the root table, and the number of levels. Raises NoTables."""
        if not self.cr0 & CR0_PAGING:
            raise NoTables("paging is off (CR0.PG): each address is a physical one")
        long_mode = self.cr4 & CR4_PHYSICAL_ADDRESS_EXTENSION
        if self.efer is not None:
            long_mode = self.efer & EFER_LONG_MODE_ACTIVE
        if not long_mode:
            raise NoTables("the CPU is not in long mode: its tables are of another format")
        return self.cr3 & ROOT_MASK, 5 if self.cr4 & CR4_LA57 else 4

    def lines(self) -> list[str]:
        """A line a register: name, value and the names of the bits that are set."""
        low = self.cr3 & PCID_MASK
        root = f"root {self.cr3 & ROOT_MASK:#x}"
        root += f" PCID {low}" if self.cr4 & CR4_PCID_ENABLE else f" {bit_names(low, CR3_BITS)}"
        efer = "unknown: a core does not have it; registers.txt beside it may"
        if self.efer is not None:
            efer = _line(self.efer, bit_names(self.efer, EFER_BITS))
        return [
            f"CR0    {_line(self.cr0, bit_names(self.cr0, CR0_BITS))}",
            f"CR2    {self.cr2:016x}",
            f"CR3    {_line(self.cr3, root)}",
            f"CR4    {_line(self.cr4, bit_names(self.cr4, CR4_BITS))}",
            f"EFER   {efer}",
            f"RFLAGS {_line(self.rflags, bit_names(self.rflags & ~RFLAGS_ALWAYS, RFLAGS_BITS))}",
        ]


def bit_names(value: int, names: dict[int, str]) -> str:
    """The names of the bits that are set, lowest first; `bitN` for one without a name."""
    return " ".join(
        names.get(bit, f"bit{bit}") for bit in range(value.bit_length()) if value >> bit & 1
    )


def _line(value: int, words: str) -> str:
    return f"{value:016x}  {words}".rstrip()
