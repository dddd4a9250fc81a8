; From the boot loader to kernel_start: checks that CPU and memory will do, makes the first page tables
; and enters long mode. Those tables map the first 4 GiB at 0, and the first 2 GiB at KERNEL_BASE, with
; 2 MiB pages; the kernel leaves them for its own as soon as it knows the memory map.
;
; Sources: Multiboot2 Specification 2.0, 3.1 and 3.3; Xen "x86/HVM direct boot ABI";
;          Intel SDM volume 3, 10.8.5 "Initializing IA-32e Mode".

; KERNEL_BASE is LAYOUT_KERNEL of layout/layout.h, as the Makefile hands it in.
PHYSICAL            equ -KERNEL_BASE    ; symbol + PHYSICAL: where a kernel symbol is loaded

PROTOCOL_MULTIBOOT2 equ 1               ; enum boot_protocol
PROTOCOL_PVH        equ 2

CODE64              equ 0x08            ; selectors, as in traps/descriptors.c
DATA                equ 0x10
CODE32              equ 0x18

ENTRY_TABLE         equ 0x003           ; present, writable
ENTRY_2M            equ 0x083           ; present, writable, huge

CR0_PROTECTED       equ 1 << 0
CR0_PAGING          equ 1 << 31
CR4_PAE             equ 1 << 5
CR4_LA57            equ 1 << 12
MSR_EFER            equ 0xc0000080
EFER_LME            equ 1 << 8

extern kernel_start
extern boot_stack_top
extern image_zeroed_start               ; physical
extern image_load_end
extern require_long_mode
extern require_memory

global multiboot2_entry
global five_levels_enter

%include "kernel/traps/call_frame.inc"

; ---------------------------------------------------------------------------------------------
section .boot.header progbits alloc noexec nowrite align=8

MULTIBOOT2_HEADER_MAGIC equ 0xe85250d6
multiboot2_header:
    dd MULTIBOOT2_HEADER_MAGIC
    dd 0                                ; architecture: 32-bit protected mode
    dd multiboot2_header_end - multiboot2_header
    dd 0x100000000 - (MULTIBOOT2_HEADER_MAGIC + (multiboot2_header_end - multiboot2_header))
    dw 4, 1                             ; console flags, optional: an EGA text screen will do
    dd 12, 1 << 1
    dd 0                                ; tags are aligned to 8 bytes
    dw 5, 1                             ; framebuffer, optional: what is liked best
    dd 20, 1024, 768, 32
    dd 0
    dw 0, 0                             ; end tag
    dd 8
multiboot2_header_end:

section .note.pvh note alloc noexec nowrite align=4
    dd 4                                ; length of the name
    dd 4                                ; length of the value
    dd 18                               ; XEN_ELFNOTE_PHYS32_ENTRY
    db "Xen", 0
    dd pvh_entry

; ---------------------------------------------------------------------------------------------
section .boot.text progbits alloc exec nowrite align=16
bits 32

; EAX = magic, EBX = physical address of the information.
multiboot2_entry:
    mov edi, PROTOCOL_MULTIBOOT2
    jmp start_32

; EBX = physical address of start_info, which carries its own magic.
pvh_entry:
    mov edi, PROTOCOL_PVH

; EDI, ESI, EDX are the arguments of kernel_start: protocol, magic, information. Up to long mode the
; stack is the one beside this code, since there may be no memory elsewhere.
start_32:
    cli
    cld
    mov esi, eax
    lgdt [boot_gdt_pointer]
    jmp CODE32:.flat
.flat:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, entry_stack_top

    push ebx
    call require_long_mode
    call require_memory
    pop edx
    push edi
    mov edi, image_zeroed_start         ; where memory is small, firmware keeps its tables there
    mov ecx, image_load_end
    sub ecx, edi
    shr ecx, 2
    xor eax, eax
    rep stosd
    pop edi

    mov eax, ENTRY_2M                   ; 4 tables of 512 huge pages: 0..4 GiB
    mov ecx, boot_level2 + PHYSICAL
.next_page:
    mov [ecx], eax
    mov dword [ecx + 4], 0
    add ecx, 8
    add eax, 0x200000
    jnc .next_page

    mov eax, boot_level2 + PHYSICAL + ENTRY_TABLE
    mov ecx, boot_level3_low + PHYSICAL
    mov dword [ecx], eax
    mov dword [boot_level3_high + PHYSICAL + 510 * 8], eax
    add eax, 0x1000
    mov dword [ecx + 8], eax
    mov dword [boot_level3_high + PHYSICAL + 511 * 8], eax
    add eax, 0x1000
    mov dword [ecx + 16], eax
    add eax, 0x1000
    mov dword [ecx + 24], eax
    mov dword [boot_level4 + PHYSICAL], boot_level3_low + PHYSICAL + ENTRY_TABLE
    mov dword [boot_level4 + PHYSICAL + 511 * 8], boot_level3_high + PHYSICAL + ENTRY_TABLE

    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov eax, boot_level4 + PHYSICAL
    mov cr3, eax
    push edx
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME
    wrmsr
    pop edx
    mov eax, cr0
    or eax, CR0_PAGING | CR0_PROTECTED
    mov cr0, eax
    jmp CODE64:.long_mode
bits 64
.long_mode:
    mov rax, .high
    jmp rax

; Written to before there is paging, and never again.
align 16
entry_stack:      times 128 db 0
entry_stack_top:

align 8
boot_gdt:
    dq 0
    dq 0x00af9a000000ffff               ; CODE64
    dq 0x00cf92000000ffff               ; DATA
    dq 0x00cf9a000000ffff               ; CODE32
boot_gdt_end:
boot_gdt_pointer:
    dw boot_gdt_end - boot_gdt - 1
    dq boot_gdt

; LA57 cannot change while paging is on, and long mode cannot be without paging: so back to
; 32 bits, where this code is mapped at its physical address, and up again.
bits 64
leave_four_levels:
    lgdt [abs boot_gdt_pointer]
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    push CODE32
    push .compatibility
    retfq
bits 32
.compatibility:
    mov eax, cr0
    and eax, ~CR0_PAGING
    mov cr0, eax
    mov eax, cr4
    or eax, CR4_LA57
    mov cr4, eax
    mov eax, boot_level5 + PHYSICAL
    mov cr3, eax
    mov eax, cr0
    or eax, CR0_PAGING
    mov cr0, eax
    jmp CODE64:.five_levels
bits 64
.five_levels:
    mov rax, five_levels_entered
    jmp rax

; ---------------------------------------------------------------------------------------------
section .text
bits 64

start_32.high:
call_frame_outermost
    mov rsp, boot_stack_top
    xor ebp, ebp                        ; where backtraces end
    mov edi, edi                        ; the upper halves are not defined after the switch
    mov esi, esi
    mov edx, edx
    call kernel_start
    ud2
call_frame_end

; void five_levels_enter(void): turns 4-level paging into 5-level paging. Runs on the boot tables,
; which map the same with one level more on top.
five_levels_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rel saved_rsp], rsp
    mov eax, boot_level4 + PHYSICAL + ENTRY_TABLE
    mov [rel boot_level5], rax
    mov [rel boot_level5 + 511 * 8], rax
    mov eax, leave_four_levels
    jmp rax
five_levels_entered:
    mov rsp, [rel saved_rsp]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

; ---------------------------------------------------------------------------------------------
section .bss align=4096
boot_level5:      resb 4096
boot_level4:      resb 4096
boot_level3_low:  resb 4096
boot_level3_high: resb 4096
boot_level2:      resb 4 * 4096
saved_rsp:        resq 1

section .note.GNU-stack noalloc noexec nowrite progbits
