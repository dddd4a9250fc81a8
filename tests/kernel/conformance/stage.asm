; One access in ring 0 or 3, and the way back from whatever comes of it.
bits 64

extern exception_entries

global stage_access
global stage_stubs
global stage_stub_read, stage_stub_write, stage_stub_modify, stage_stub_fetch
global stage_on_general_protection, stage_on_page_fault, stage_on_software
global stage_target_code

; struct stage_call
%define CALL_RIP 0
%define CALL_CS 8
%define CALL_FLAGS 16
%define CALL_SS 24
%define CALL_ADDRESS 32
%define CALL_OPERAND 40
%define CALL_VECTOR 48
%define CALL_ERROR 56
%define CALL_CR2 64
%define CALL_VALUE 72

%define VECTOR_GENERAL_PROTECTION 13
%define VECTOR_PAGE_FAULT 14
%define VECTOR_SOFTWARE 48
%define RFLAGS_ALWAYS 2

section .text

; void stage_access(struct stage_call *call)
stage_access:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rel stack], rsp
    mov [rel call_in_progress], rdi
    mov rax, rsp
    push qword [rdi + CALL_SS]
    push rax                            ; in ring 0 the stack that the handler goes on with
    push qword [rdi + CALL_FLAGS]
    push qword [rdi + CALL_CS]
    push qword [rdi + CALL_RIP]
    mov rsi, [rdi + CALL_OPERAND]
    mov rdi, [rdi + CALL_ADDRESS]
    iretq

; Each handler: an exception outside an access is the kernel's.
stage_on_general_protection:
    cmp qword [rel call_in_progress], 0
    je exception_of_kernel.general_protection
    push VECTOR_GENERAL_PROTECTION
    jmp come_back

stage_on_page_fault:
    cmp qword [rel call_in_progress], 0
    je exception_of_kernel.page_fault
    push VECTOR_PAGE_FAULT
    jmp come_back

stage_on_software:
    push 0
    push VECTOR_SOFTWARE

; On the stack: vector, error code. The rest of the frame goes with the stack.
come_back:
    mov rdi, [rel call_in_progress]
    mov [rdi + CALL_VALUE], rax
    pop qword [rdi + CALL_VECTOR]
    pop qword [rdi + CALL_ERROR]
    mov rax, cr2
    mov [rdi + CALL_CR2], rax
    mov qword [rel call_in_progress], 0
    mov rsp, [rel stack]
    push RFLAGS_ALWAYS                  ; the CPU keeps AC, with which SMAP is off
    popfq
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

exception_of_kernel:
.general_protection:
    jmp [rel exception_entries + 8 * VECTOR_GENERAL_PROTECTION]
.page_fault:
    jmp [rel exception_entries + 8 * VECTOR_PAGE_FAULT]

; A page of its own, that user mode sees too. rdi: the address, rsi: the operand.
align 4096
stage_stubs:
stage_stub_read:
    mov rax, [rdi]
    int VECTOR_SOFTWARE
stage_stub_write:
    mov [rdi], rsi
    int VECTOR_SOFTWARE
; A locked instruction is a write from the start: what others do at first, read or write, is not
; architecture.
stage_stub_modify:
    lock add [rdi], rsi
    int VECTOR_SOFTWARE
stage_stub_fetch:
    jmp rdi
; What is fetched: copied to the page of code.
stage_target_code:
    int VECTOR_SOFTWARE
align 4096

section .bss
stack: resq 1
call_in_progress: resq 1

section .note.GNU-stack noalloc noexec nowrite progbits
