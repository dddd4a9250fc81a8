; The entry points of the 32 exception vectors: each brings the stack into the form of
; struct exception_frame and calls exception_dispatch.
bits 64

extern exception_dispatch

global exception_entries
global interrupt_ignore
global exception_try_enter
global exception_try_leave

; Vectors for which the CPU pushes an error code: 8, 10..14, 17, 21, 29, 30.
; Source: Intel SDM volume 3, 6.13 "Error Code"; AMD APM volume 2, 8.2 "Vectors".
%define HAS_ERROR_CODE(vector) (0x60227d00 >> (vector)) & 1

%include "kernel/traps/call_frame.inc"

%define SELECTOR_CODE 0x08
%define SELECTOR_DATA 0x10
%define RFLAGS_NESTED_TASK 0x4000

section .text

%assign vector 0
%rep 32
exception_entry_ %+ vector:
%if HAS_ERROR_CODE(vector)
    call_frame_begin CPU_FRAME_BYTES + 8
%else
    call_frame_begin CPU_FRAME_BYTES
    push_value 0
%endif
    push_value vector
    jmp exception_common
    call_frame_end
%assign vector vector + 1
%endrep

exception_common:
    call_frame_begin CPU_FRAME_BYTES + 16
    push_register rax, DW_RAX
    push_register rbx, DW_RBX
    push_register rcx, DW_RCX
    push_register rdx, DW_RDX
    push_register rsi, DW_RSI
    push_register rdi, DW_RDI
    push_register rbp, DW_RBP
    push_register r8, DW_R8
    push_register r9, DW_R9
    push_register r10, DW_R10
    push_register r11, DW_R11
    push_register r12, DW_R12
    push_register r13, DW_R13
    push_register r14, DW_R14
    push_register r15, DW_R15
    mov rax, cr2
    push_value rax
    cld
    mov rdi, rsp
    sub rsp, 8                          ; 24 words were pushed onto an aligned stack: still aligned
    call_frame_grows 8
    call exception_dispatch
    add rsp, 16                         ; CR2
    call_frame_grows -16
    pop_register r15, DW_R15
    pop_register r14, DW_R14
    pop_register r13, DW_R13
    pop_register r12, DW_R12
    pop_register r11, DW_R11
    pop_register r10, DW_R10
    pop_register r9, DW_R9
    pop_register r8, DW_R8
    pop_register rbp, DW_RBP
    pop_register rdi, DW_RDI
    pop_register rsi, DW_RSI
    pop_register rdx, DW_RDX
    pop_register rcx, DW_RCX
    pop_register rbx, DW_RBX
    pop_register rax, DW_RAX
    add rsp, 16                         ; vector, error code
    call_frame_grows -16
    iretq
    call_frame_end

interrupt_ignore:
    call_frame_begin CPU_FRAME_BYTES
    iretq
    call_frame_end

; bool exception_try_enter(void (*function)(void *), void *argument, uint64_t *stack_pointer)
exception_try_enter:
    push rbp
    mov rbp, rsp
    push rbx
    push r12
    push r13
    push r14
    push r15
    sub rsp, 8
    mov [rdx], rsp
    mov rax, rdi
    mov rdi, rsi
    call rax
    xor eax, eax
.leave:
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

; void exception_try_leave(uint64_t stack_pointer)
; By IRETQ: until one, the CPU holds back all NMIs if it has been delivering one.
exception_try_leave:
    mov rsp, rdi
    push SELECTOR_DATA
    push rdi
    pushfq
    and qword [rsp], ~RFLAGS_NESTED_TASK ; with which IRETQ faults
    push SELECTOR_CODE
    lea rax, [rel exception_try_enter.leave]
    push rax
    mov eax, 1
    iretq

section .rodata align=8
exception_entries:
%assign vector 0
%rep 32
    dq exception_entry_ %+ vector
%assign vector vector + 1
%endrep

section .note.GNU-stack noalloc noexec nowrite progbits
