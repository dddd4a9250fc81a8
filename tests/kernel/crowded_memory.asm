; A PVH kernel that enters another one, which is in memory already, with a memory map that no firmware
; has. Defined on the command line: ENTRY, the other kernel's entry; IMAGE_END, where its image ends;
; REGIONS, how many regions of one page there are from 32 MiB on, usable and reserved by turns; SCATTERED, 1
; if no other usable memory has two pages in a row besides the image.
bits 32

USABLE      equ 1
RESERVED    equ 2
PAGE_BYTES  equ 0x1000
ROW_START   equ 0x2000000
IMAGE_START equ 0x200000

%macro region 3                         ; start, bytes, type
    dq %1, %2
    dd %3, 0
%endmacro

section .note.pvh note alloc noexec nowrite align=4
    dd 4, 4, 18
    db "Xen", 0
    dd start

section .text
global start
start:
    mov ebx, start_info
    mov eax, ENTRY
    jmp eax

section .data
start_info:
    dd 0x336ec578, 1, 0, 0              ; magic, version, flags, modules
    dq 0, 0, 0, map
    dd (map_end - map) / 24, 0

map:
%if SCATTERED
    region 0x100000, PAGE_BYTES, USABLE
    region IMAGE_START, IMAGE_END - IMAGE_START, USABLE
%else
    region 0, 0x9f000, USABLE
    region 0x100000, 0x800000, USABLE
%endif
%assign i 0
%rep REGIONS
    region ROW_START + i * PAGE_BYTES, PAGE_BYTES, USABLE + i % 2
%assign i i + 1
%endrep
map_end:

section .note.GNU-stack noalloc noexec nowrite progbits
