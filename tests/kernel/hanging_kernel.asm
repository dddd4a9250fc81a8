; A kernel that shows a prompt and then hangs for ever with interrupts off, without reading a key.
bits 32

COM1 equ 0x3f8

section .note.pvh note alloc noexec nowrite align=4
    dd 4, 4, 18
    db "Xen", 0
    dd start

section .text
global start
start:
    cli
    mov esi, prompt
    mov ecx, prompt_end - prompt
    mov edx, COM1
    rep outsb
    jmp $

section .rodata
prompt: db 13, 10, "assay> "
prompt_end:

section .note.GNU-stack noalloc noexec nowrite progbits
