; The smallest kernel that QEMU boots over PVH: it asks the debug-exit device to end QEMU and does
; nothing else. Its boot time is what any kernel pays for the machine, so boot_bench.py compares
; the test image with it.
bits 32

DEBUG_EXIT_PORT equ 0xf4
DEBUG_EXIT_PASS equ 0x10                ; QEMU exits with (0x10 << 1) | 1 = 33
XEN_ELFNOTE_PHYS32_ENTRY equ 18         ; the 32-bit physical address to enter the kernel at

section .note.pvh note alloc noexec nowrite align=4
        dd name_end - name              ; size of the name in bytes
        dd descriptor_end - descriptor  ; size of the descriptor in bytes
        dd XEN_ELFNOTE_PHYS32_ENTRY
name:
        db "Xen", 0
name_end:
descriptor:
        dd start
descriptor_end:

section .text
global start
start:
        mov al, DEBUG_EXIT_PASS
        out DEBUG_EXIT_PORT, al
.halt:                                  ; the emulator may run on for a moment
        cli
        hlt
        jmp .halt
