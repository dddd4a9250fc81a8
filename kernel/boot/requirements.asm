; What the kernel cannot start without: a 64-bit CPU, and memory for its image. Where it is missing
; these say so on serial and on the VGA text screen, and stop. They run in 32-bit mode without paging.

COM1                equ 0x3f8
DEBUG_EXIT          equ 0xf4
DEBUG_EXIT_PANIC    equ 0x12
VGA_TEXT            equ 0xb8000
VGA_WHITE_ON_RED    equ 0x4f00

PAGE_BYTES          equ 4096

extern image_load_start                 ; physical
extern image_load_end

global require_long_mode
global require_memory

section .boot.text progbits alloc exec nowrite align=16
bits 32

; These two change EAX, EBX, ECX and EDX.
require_long_mode:
    pushfd                              ; a CPU with CPUID lets EFLAGS.ID (bit 21) change
    pop eax
    mov ecx, eax
    xor eax, 1 << 21
    push eax
    popfd
    pushfd
    pop eax
    xor eax, ecx
    test eax, 1 << 21
    jz .missing
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb .missing
    mov eax, 0x80000001
    cpuid
    test edx, 1 << 29                   ; LM
    jz .missing
    ret
.missing:
    call screen_begin
    mov esi, no_long_mode_text
    call print_text
    jmp stop

; What has no memory behind it does not keep what is written. A loader may drop the part of the image
; that would be there without a word.
require_memory:
    mov ebx, image_load_start
.next_page:
    mov eax, [ebx]
    mov ecx, eax
    not ecx
    mov [ebx], ecx
    mov edx, [ebx]
    mov [ebx], eax
    cmp edx, ecx
    jne .missing
    add ebx, PAGE_BYTES
    cmp ebx, image_load_end
    jb .next_page
    ret
.missing:
    call screen_begin
    mov esi, no_memory_text
    call print_text
    mov eax, image_load_end + 1023
    shr eax, 10
    call print_number
    mov esi, no_memory_at_text
    call print_text
    mov eax, ebx
    shr eax, 10
    call print_number
    mov esi, no_memory_end_text
    call print_text
    jmp stop

; ---------------------------------------------------------------------------------------------
; Text on serial and on the VGA text screen, of which EDI is the next cell.
screen_begin:
    mov dx, COM1 + 3                    ; 115200 baud, 8N1
    mov al, 0x80
    out dx, al
    mov dx, COM1
    mov al, 1
    out dx, al
    mov dx, COM1 + 1
    mov al, 0
    out dx, al
    mov dx, COM1 + 3
    mov al, 0x03
    out dx, al
    mov edi, VGA_TEXT
    ret

; ESI: the text, which ends with a NUL. Changes EAX, ECX, EDX.
print_text:
    lodsb
    test al, al
    jz .end
    call print_character
    jmp print_text
.end:
    ret

; EAX: the number. Changes EAX, ECX, EDX.
print_number:
    xor edx, edx
    mov ecx, 10
    div ecx
    push edx
    test eax, eax
    jz .digit
    call print_number
.digit:
    pop eax
    add al, '0'
    ; goes on into print_character

; AL: the character. Changes EAX, ECX, EDX.
print_character:
    movzx eax, al
    push eax
    mov dx, COM1 + 5
    mov ecx, 100000                     ; a port that is never ready does not hold us up for ever
.wait:
    in al, dx
    test al, 0x20
    loopz .wait
    pop eax
    mov dx, COM1
    out dx, al
    cmp al, ' '
    jb .end                             ; the line end
    or eax, VGA_WHITE_ON_RED
    mov [edi], ax
    add edi, 2
.end:
    ret

stop:
    mov al, DEBUG_EXIT_PANIC
    out DEBUG_EXIT, al
.halt:
    cli
    hlt
    jmp .halt

no_long_mode_text:
    db "PANIC: Assay needs a 64-bit CPU: this one has no long mode", 13, 10, 0
no_memory_text:
    db "PANIC: Assay needs memory up to ", 0
no_memory_at_text:
    db " KiB: at ", 0
no_memory_end_text:
    db " KiB there is none", 13, 10, 0

section .note.GNU-stack noalloc noexec nowrite progbits
