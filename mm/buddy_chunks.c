#include "mm/buddy_chunks.h"

/* How much of each thing there is. */
struct extent {
    uint64_t first_chunk;    /* that has memory */
    uint64_t chunk_count;    /* from that one to the last that has memory */
    uint64_t slot_count;     /* chunks that have memory */
    uint64_t position_count; /* up to the end of the memory in the last one's last 2 MiB block */
};

/* Where the arrays lie, in bytes from the start of the metadata. */
struct layout {
    uint64_t free_blocks[BUDDY_ORDER_COUNT];
    uint64_t slot_of_chunk;
    uint64_t chunk_of_slot;
    uint64_t block_states;
    uint64_t frame_states;
    uint64_t size_bytes;
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t chunk_of(uint64_t frame_number)
{
    return frame_number >> BUDDY_CHUNK_ORDER;
}

static uint64_t in_chunk(uint64_t frame_number)
{
    return frame_number & (BUDDY_CHUNK_FRAMES - 1);
}

static struct buddy_run run_of(const struct frame_range *range)
{
    uint64_t start = range->start.value >> PAGE_SHIFT;

    return (struct buddy_run){.start = start, .end = start + range->frame_count};
}

struct buddy_run buddy_usable_run(const struct buddy_source *self, size_t index)
{
    struct buddy_run run = run_of(&self->ranges[index]);

    if (index == self->metadata_range) {
        if (self->metadata.start.value == self->ranges[index].start.value) {
            run.start += self->metadata.frame_count;
        } else {
            run.end -= self->metadata.frame_count;
        }
    }
    return run;
}

static struct extent measure(const struct buddy_source *self)
{
    struct extent extent = {.slot_count = 0};
    uint64_t last_chunk = 0;

    for (size_t i = 0; i < self->range_count; i++) {
        struct buddy_run run = run_of(&self->ranges[i]);

        if (run.start == run.end) {
            continue;
        }
        if (extent.slot_count == 0) {
            extent.first_chunk = chunk_of(run.start);
        } else if (chunk_of(run.start) == last_chunk) {
            extent.slot_count--;
        }
        last_chunk = chunk_of(run.end - 1);
        extent.slot_count += last_chunk - chunk_of(run.start) + 1;
        extent.chunk_count = last_chunk - extent.first_chunk + 1;
        extent.position_count = (extent.slot_count - 1) << BUDDY_CHUNK_ORDER;
        extent.position_count += align_up(in_chunk(run.end - 1) + 1, BUDDY_BLOCK_FRAMES);
    }
    return extent;
}

static uint64_t blocks_below(uint64_t position_count, unsigned order)
{
    return (position_count + (UINT64_C(1) << order) - 1) >> order;
}

static struct layout lay_out(const struct extent *extent)
{
    struct layout layout;
    uint64_t end = 0;

    for (unsigned order = 0; order < BUDDY_ORDER_COUNT; order++) {
        layout.free_blocks[order] = end;
        end += bit_tree_word_count(blocks_below(extent->position_count, order)) * sizeof(uint64_t);
    }
    layout.slot_of_chunk = end;
    end += extent->chunk_count * sizeof(uint32_t);
    layout.chunk_of_slot = end;
    end += extent->slot_count * sizeof(uint32_t);
    layout.block_states = end;
    end += extent->slot_count * BUDDY_CHUNK_BLOCKS;
    layout.frame_states = end;
    end += extent->position_count;
    layout.size_bytes = end;
    return layout;
}

static uint64_t whole_chunks_in(struct buddy_run run)
{
    uint64_t first = chunk_of(run.start + BUDDY_CHUNK_FRAMES - 1);
    uint64_t end = chunk_of(run.end);

    return end > first ? end - first : 0;
}

/* Takes `frame_count` frames at an end of a range, where they cost the fewest whole chunks; among
 * equals the highest, since low memory is what devices and starting CPUs may need. */
static bool place(struct buddy_source *self, uint64_t frame_count)
{
    uint64_t fewest = UINT64_MAX;

    for (size_t i = 0; i < self->range_count; i++) {
        struct buddy_run run = run_of(&self->ranges[i]);
        struct buddy_run rests[] = {{run.start + frame_count, run.end},
                                    {run.start, run.end - frame_count}};
        uint64_t starts[] = {run.start, rests[1].end};

        for (unsigned end = 0; end < 2 && frame_count <= run.end - run.start; end++) {
            uint64_t cost = whole_chunks_in(run) - whole_chunks_in(rests[end]);

            if (cost <= fewest) {
                fewest = cost;
                self->metadata_range = i;
                self->metadata.start = phys_addr_of(starts[end] << PAGE_SHIFT);
                self->metadata.frame_count = frame_count;
            }
        }
    }
    return fewest != UINT64_MAX;
}

bool buddy_metadata_init(struct buddy_source *self, uint64_t base)
{
    struct extent extent = measure(self);

    if (extent.slot_count == 0) {
        self->metadata_range = self->range_count;
        return true;
    }
    struct layout layout = lay_out(&extent);

    if (!place(self, (layout.size_bytes + page_size_bytes(PAGE_4K) - 1) >> PAGE_SHIFT)) {
        return false;
    }
    uint8_t *bytes = (uint8_t *)(base + self->metadata.start.value);

    for (unsigned order = 0; order < BUDDY_ORDER_COUNT; order++) {
        bit_tree_init(&self->free_blocks[order], (uint64_t *)(bytes + layout.free_blocks[order]),
                      blocks_below(extent.position_count, order));
    }
    self->slot_of_chunk = (uint32_t *)(bytes + layout.slot_of_chunk);
    self->chunk_of_slot = (uint32_t *)(bytes + layout.chunk_of_slot);
    self->block_states = bytes + layout.block_states;
    self->frame_states = bytes + layout.frame_states;
    self->first_chunk = extent.first_chunk;
    return true;
}

/* Marks the frames from position `start` to `end`, a part of one 2 MiB block, as memory: INSIDE. */
static void mark_part_of_block(struct buddy_source *self, uint64_t start, uint64_t end)
{
    if (start == end) {
        return;
    }
    if (*buddy_state_of(self, start, BUDDY_BLOCK_ORDER) == BUDDY_NOT_MEMORY) {
        buddy_split_block(self, align_down(start, BUDDY_BLOCK_FRAMES), BUDDY_NOT_MEMORY);
    }
    buddy_fill(&self->frame_states[start], end - start, BUDDY_INSIDE);
}

/* Makes the frames from position `start` to `end`, all of one chunk, free memory. */
static void add_run(struct buddy_source *self, uint64_t start, uint64_t end)
{
    uint64_t whole_start = smaller(align_up(start, BUDDY_BLOCK_FRAMES), end);
    uint64_t whole_end = larger(align_down(end, BUDDY_BLOCK_FRAMES), whole_start);

    mark_part_of_block(self, start, whole_start);
    buddy_fill(buddy_state_of(self, whole_start, BUDDY_BLOCK_ORDER),
               (whole_end - whole_start) / BUDDY_BLOCK_FRAMES, BUDDY_INSIDE);
    mark_part_of_block(self, whole_end, end);

    while (start < end) {
        unsigned by_alignment = (unsigned)__builtin_ctzll(start | BUDDY_CHUNK_FRAMES);
        unsigned by_length = buddy_order_within(end - start);
        unsigned order = by_alignment < by_length ? by_alignment : by_length;

        buddy_block_release(self, order, start);
        start += UINT64_C(1) << order;
    }
}

/* The number of the first frame that no chunk made so far has. */
static uint64_t made_end(const struct buddy_source *self)
{
    return (self->first_chunk + self->chunk_end) << BUDDY_CHUNK_ORDER;
}

/* Stores the number of the lowest frame that is memory and in no chunk made so far in *frame.
 * Returns false if there is none. */
static bool first_unmade(struct buddy_source *self, uint64_t *frame)
{
    for (; self->next_range < self->range_count; self->next_range++) {
        struct buddy_run run = buddy_usable_run(self, self->next_range);

        *frame = larger(run.start, made_end(self));
        if (*frame < run.end) {
            return true;
        }
    }
    return false;
}

/* Gives the next slot to a chunk, and none to those between it and the one made before. */
static uint64_t assign_slot(struct buddy_source *self, uint64_t chunk)
{
    uint64_t slot = self->slot_count++;

    while (self->chunk_end < chunk) {
        self->slot_of_chunk[self->chunk_end++] = BUDDY_NO_SLOT;
    }
    self->slot_of_chunk[self->chunk_end++] = (uint32_t)slot;
    self->chunk_of_slot[slot] = (uint32_t)chunk;
    return slot;
}

bool buddy_chunk_make_next(struct buddy_source *self)
{
    uint64_t first;

    if (!first_unmade(self, &first)) {
        return false;
    }
    uint64_t slot = assign_slot(self, chunk_of(first) - self->first_chunk);
    uint64_t chunk_end = made_end(self);
    uint64_t chunk_start = chunk_end - BUDDY_CHUNK_FRAMES;
    uint64_t to_position = (slot << BUDDY_CHUNK_ORDER) - chunk_start;

    buddy_fill(&self->block_states[slot * BUDDY_CHUNK_BLOCKS], BUDDY_CHUNK_BLOCKS,
               BUDDY_NOT_MEMORY);
    for (size_t i = self->next_range; i < self->range_count; i++) {
        struct buddy_run run = buddy_usable_run(self, i);
        uint64_t start = larger(run.start, chunk_start);
        uint64_t end = smaller(run.end, chunk_end);

        if (run.start >= chunk_end) {
            break;
        }
        if (start < end) {
            add_run(self, start + to_position, end + to_position);
        }
    }
    return true;
}

bool buddy_chunk_will_have(const struct buddy_source *self, phys_addr frame)
{
    uint64_t number = frame.value >> PAGE_SHIFT;

    for (size_t i = self->next_range; i < self->range_count && number >= made_end(self); i++) {
        struct buddy_run run = buddy_usable_run(self, i);

        if (number >= run.start && number < run.end) {
            return true;
        }
    }
    return false;
}
