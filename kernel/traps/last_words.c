#include "kernel/traps/last_words.h"

#include "kernel/panic/serial.h"

/* Strings beside the code that writes them: read-only data may be what is lost. */
#define TEXT static const char __attribute__((section(".text.last_words")))

TEXT heading[] = "\nEXCEPTION: vector 0x";
TEXT heading_of_second[] = "  while it was reported: vector 0x";
TEXT error_code[] = "  error code 0x";
TEXT instruction[] = "  rip 0x";
TEXT address[] = "  cr2 0x";
TEXT line_end[] = "\n";
TEXT ending[] = "The kernel has stopped.\n";

static void write_hex(uint64_t value)
{
    unsigned digits = 1;

    while (digits < 16 && value >> (4 * digits) != 0) {
        digits++;
    }
    while (digits-- > 0) {
        unsigned digit = value >> (4 * digits) & 0xf;
        char character = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        serial_write(&character, 1);
    }
}

static void write_facts(const struct exception_frame *frame)
{
    write_hex(frame->vector);
    serial_write(error_code, sizeof error_code - 1);
    write_hex(frame->error_code);
    serial_write(instruction, sizeof instruction - 1);
    write_hex(frame->rip);
    serial_write(address, sizeof address - 1);
    write_hex(frame->cr2);
    serial_write(line_end, sizeof line_end - 1);
}

void last_words(const struct exception_frame *first, const struct exception_frame *second)
{
    serial_write(heading, sizeof heading - 1);
    write_facts(first);
    if (second != NULL) {
        serial_write(heading_of_second, sizeof heading_of_second - 1);
        write_facts(second);
    }
    serial_write(ending, sizeof ending - 1);
}
