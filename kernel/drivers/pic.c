#include "kernel/drivers/pic.h"

#include "kernel/cpu/port_io.h"
#include "kernel/traps/descriptors.h"

/* Source: Intel's data sheet "8259A Programmable Interrupt Controller". */
enum {
    PIC_1_COMMAND = 0x20,
    PIC_1_DATA = 0x21,
    PIC_2_COMMAND = 0xa0,
    PIC_2_DATA = 0xa1,
    ICW1_EDGE_CASCADE_ICW4 = 0x11,
    PIC_1_LINE_COUNT = 8,
    ICW3_SECOND_AT_PIN_2 = 0x04,
    ICW3_SECOND_IS_2 = 0x02,
    ICW4_8086_AUTOMATIC_END = 0x03,
    OCW3_POLL = 0x0c,
    POLL_INTERRUPT = 0x80,
    MASK_ALL = 0xff,
};

void pic_init(void)
{
    port_write_8(PIC_1_COMMAND, ICW1_EDGE_CASCADE_ICW4);
    port_write_8(PIC_2_COMMAND, ICW1_EDGE_CASCADE_ICW4);
    port_write_8(PIC_1_DATA, VECTOR_PIC_FIRST);
    port_write_8(PIC_2_DATA, VECTOR_PIC_FIRST + PIC_1_LINE_COUNT);
    port_write_8(PIC_1_DATA, ICW3_SECOND_AT_PIN_2);
    port_write_8(PIC_2_DATA, ICW3_SECOND_IS_2);
    port_write_8(PIC_1_DATA, ICW4_8086_AUTOMATIC_END);
    port_write_8(PIC_2_DATA, ICW4_8086_AUTOMATIC_END);
    port_write_8(PIC_2_DATA, MASK_ALL);
    port_write_8(PIC_1_DATA, MASK_ALL);
}

bool pic_unmask(unsigned line)
{
    uint8_t mask = (uint8_t)(port_read_8(PIC_1_DATA) & ~(1u << line));

    port_write_8(PIC_1_DATA, mask);
    /* Without a PIC all bits are read as ones. */
    return port_read_8(PIC_1_DATA) == mask;
}

bool pic_poll(void)
{
    port_write_8(PIC_1_COMMAND, OCW3_POLL);
    return (port_read_8(PIC_1_COMMAND) & POLL_INTERRUPT) != 0;
}

uint16_t pic_masks(void)
{
    return (uint16_t)(port_read_8(PIC_2_DATA) << 8 | port_read_8(PIC_1_DATA));
}

void pic_set_masks(uint16_t masks)
{
    port_write_8(PIC_2_DATA, (uint8_t)(masks >> 8));
    port_write_8(PIC_1_DATA, (uint8_t)masks);
}
