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

section .text

%assign vector 0
%rep 32
exception_entry_ %+ vector:
%if HAS_ERROR_CODE(vector)
%else
    push 0
%endif
    push vector
    jmp exception_common
%assign vector vector + 1
%endrep

exception_common:
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp                        ; 22 words were pushed from an aligned stack: still aligned
    call exception_dispatch
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16                         ; vector, error code
    iretq

interrupt_ignore:
    iretq

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
exception_try_leave:
    mov rsp, rdi
    mov eax, 1
    jmp exception_try_enter.leave

section .rodata align=8
exception_entries:
%assign vector 0
%rep 32
    dq exception_entry_ %+ vector
%assign vector vector + 1
%endrep

section .note.GNU-stack noalloc noexec nowrite progbits
