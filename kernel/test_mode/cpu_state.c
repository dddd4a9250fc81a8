#include "kernel/test_mode/cpu_state.h"

#include "kernel/lib/string.h"
#include "kernel/traps/descriptors.h"
#include "testing/run.h"

/* Tables whose contents are compared as a whole. */
static const struct {
    enum descriptor_table_name table;
    const char *name;
} contents[] = {
    {DESCRIPTORS_GDT, "the contents of the GDT (checksum)"},
    {DESCRIPTORS_IDT, "the contents of the IDT (checksum)"},
    {DESCRIPTORS_TSS, "the contents of the TSS (checksum)"},
};

enum { CONTENTS_COUNT = sizeof contents / sizeof contents[0] };

const char *cpu_state_name(size_t index)
{
    return index < cpu_item_count                    ? cpu_items[index].name
           : index < cpu_item_count + CONTENTS_COUNT ? contents[index - cpu_item_count].name
                                                     : NULL;
}

/* Where table number `at` goes in state->tables, and how much of it. */
static size_t place_of(size_t at, size_t *length)
{
    size_t place = 0;

    for (size_t i = 0;; i++) {
        size_t size = (size_t)descriptors_table(contents[i].table).limit + 1;
        size_t room = CPU_STATE_TABLES_BYTES - place;
        *length = size < room ? size : room;
        if (i == at) {
            return place;
        }
        place += *length;
    }
}

void cpu_state_take(struct cpu_state *state, const struct kernel *kernel)
{
    for (size_t i = 0; i < cpu_item_count; i++) {
        const struct cpu_item *item = &cpu_items[i];
        state->is_there[i] = item->is_there == NULL || item->is_there(kernel);
        state->values[i] = state->is_there[i] ? item->read(item->number) : 0;
    }
    for (size_t i = 0; i < CONTENTS_COUNT; i++) {
        size_t length;
        size_t place = place_of(i, &length);
        memcpy(state->tables + place, descriptors_table(contents[i].table).base, length);
    }
}

void cpu_state_put_back(const struct cpu_state *state,
                        void (*differs)(void *context, const char *name, uint64_t before,
                                        uint64_t after),
                        void *context)
{
    for (size_t i = 0; i < cpu_item_count; i++) {
        const struct cpu_item *item = &cpu_items[i];
        uint64_t after = state->is_there[i] ? item->read(item->number) : 0;
        if (state->is_there[i] && after != state->values[i]) {
            item->write(item->number, state->values[i]);
            differs(context, item->name, state->values[i], after);
        }
    }
    for (size_t i = 0; i < CONTENTS_COUNT; i++) {
        size_t length;
        const uint8_t *before = state->tables + place_of(i, &length);
        uint8_t *now = descriptors_table(contents[i].table).base;
        if (memcmp(before, now, length) != 0) {
            uint32_t crc = test_crc32(0, (const char *)now, length);
            memcpy(now, before, length);
            differs(context, contents[i].name, test_crc32(0, (const char *)before, length), crc);
        }
    }
}
