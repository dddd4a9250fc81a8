#include "kernel/traps/exception_text.h"

#include "kernel/traps/exception.h"

#include <stddef.h>

const char *exception_name(uint64_t vector)
{
    static const char *const names[EXCEPTION_COUNT] = {
        "DIVIDE ERROR", "DEBUG", "NMI", "BREAKPOINT", "OVERFLOW", "BOUND RANGE EXCEEDED",
        "INVALID OPCODE", "DEVICE NOT AVAILABLE", "DOUBLE FAULT", "COPROCESSOR SEGMENT OVERRUN",
        "INVALID TSS", "SEGMENT NOT PRESENT", "STACK SEGMENT FAULT", "GENERAL PROTECTION FAULT",
        "PAGE FAULT", NULL, "X87 FLOATING POINT", "ALIGNMENT CHECK", "MACHINE CHECK",
        "SIMD FLOATING POINT", "VIRTUALIZATION", "CONTROL PROTECTION", NULL, NULL, NULL, NULL,
        NULL, NULL, "HYPERVISOR INJECTION", "VMM COMMUNICATION", "SECURITY", NULL,
    };
    return vector < EXCEPTION_COUNT && names[vector] != NULL ? names[vector] : "RESERVED VECTOR";
}

const char *page_fault_access_text(uint64_t error_code)
{
    return (error_code & PAGE_FAULT_FETCH) != 0   ? "instruction fetch from"
           : (error_code & PAGE_FAULT_WRITE) != 0 ? "write to"
                                                  : "read from";
}

const char *page_fault_cause_text(uint64_t error_code)
{
    return (error_code & PAGE_FAULT_RESERVED) != 0     ? "a page whose entry has a reserved bit set"
           : (error_code & PAGE_FAULT_PROTECTION) != 0 ? "a page that does not allow it"
                                                       : "a page that is not present";
}
