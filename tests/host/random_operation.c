#include "tests/host/random_operation.h"

#define GIBIBYTE UINT64_C(0x40000000)

enum { TWO_MIBIBYTE_PAGES = 512, GIBIBYTE_PAGES = 512 * 512 };

static bool one_in(struct random *random, unsigned count)
{
    return random_below(random, count) == 0;
}

struct world_shape random_shape(struct random *random, enum access_kind kind)
{
    static const unsigned physical_bits[] = {52, 52, 46, 40, 36};
    static const uint64_t ram_starts[] = {0, 0, UINT64_C(0x340000000), UINT64_C(0xa00000000)};
    static const unsigned slots[] = {0, 1, 510, 511, 256, 255};

    return (struct world_shape){
        .kind = kind,
        .levels = 4 + random_below(random, 2),
        .recursive_slot = slots[random_below(random, 6)],
        .own_window = kind == ACCESS_TEMPORARY && one_in(random, 3),
        .features =
            {
                .physical_bits = physical_bits[random_below(random, 5)],
                .no_execute = !one_in(random, 5),
                .pages_1g = !one_in(random, 5),
            },
        .ram_start = ram_starts[random_below(random, 4)],
        .frame_count = 600,
        .seed = random_next(random),
    };
}

struct random_places random_places_in(struct random *random, const struct world_shape *shape)
{
    static const unsigned root_indices[] = {4, 255, 256, 300, 511};
    static const unsigned indices_3[] = {0, 7, 511};
    struct random_places places = {
        .levels = shape->levels,
        .features = shape->features,
        .writable_tables = shape->kind == ACCESS_RECURSIVE,
    };

    world_hidden(shape, places.hidden);

    for (unsigned i = 0; i < 3; i++) {
        do {
            places.root_indices[i] = root_indices[random_below(random, 5)];
        } while (places.hidden[places.root_indices[i]]);
        places.indices_3[i] = indices_3[random_below(random, 3)];
    }
    return places;
}

/* A page of a size, at one of the places. */
static uint64_t random_page(struct random *random, const struct random_places *places,
                            unsigned size)
{
    static const unsigned indices_2[] = {0, 0, 0, 1, 511};
    static const unsigned indices_1[] = {0, 0, 1, 2, 511};
    unsigned place = random_below(random, 3);
    uint64_t address = (uint64_t)places->root_indices[place] << level_shift(places->levels) |
                       (uint64_t)places->indices_3[place] << level_shift(3);

    if (places->levels == 5) {
        address |= UINT64_C(511) << level_shift(4);
    }
    if (size < 3) {
        address |= (uint64_t)indices_2[random_below(random, 5)] << level_shift(2);
    }
    if (size < 2) {
        address |= (uint64_t)indices_1[random_below(random, 5)] << level_shift(1);
    }
    return virt_addr_new_truncate(address, places->levels).value;
}

/* Memory for a page of a size: often what follows the memory of its neighbour. */
static uint64_t random_frame(struct random *random, const struct random_places *places,
                             uint64_t page, unsigned size)
{
    static const uint64_t gibibytes[] = {0, 1, 2, 63};
    uint64_t frame = gibibytes[random_below(random, 4)] * GIBIBYTE;
    uint64_t inside = page & (GIBIBYTE - 1);

    if (one_in(random, 8)) {
        inside = random_next(random) & (GIBIBYTE - 1);
    }
    frame |= inside & ~(level_bytes(size) - 1);
    switch (random_below(random, 40)) {
    case 0:
        return frame | UINT64_C(1) << places->features.physical_bits % 64;
    case 1:
        return frame | UINT64_C(1) << random_below(random, 31);
    case 2:
        return frame | random_next(random) << 40;
    default:
        return frame;
    }
}

static uint64_t random_flags(struct random *random, const struct random_places *places,
                             unsigned size)
{
    static const uint64_t usual[] = {0x3, 0x3, 0x7, 0x1, 0x63, 0x103, PAGE_NO_EXECUTE | 0x3};
    uint64_t flags = usual[random_below(random, 7)];

    if (one_in(random, 3)) {
        flags ^= random_next(random) & UINT64_C(0xfff0000000000ffe);
        flags &= ~(one_in(random, 2) ? PAGE_USER : 0);
    }
    if (size == 0 || !one_in(random, 4)) {
        flags &= ~(PAGE_PAT_4K | PAGE_PAT_HUGE);
    } else if (size > 1 && one_in(random, 2)) {
        flags |= PAGE_PAT_HUGE;
    }
    if (!places->features.no_execute && !one_in(random, 6)) {
        flags &= ~PAGE_NO_EXECUTE;
    }
    switch (random_below(random, 60)) {
    case 0:
        return flags & ~PAGE_PRESENT;
    case 1:
        return flags | UINT64_C(1) << random_below(random, 64);
    default:
        return flags;
    }
}

static uint64_t random_table_flags(struct random *random, const struct random_places *places)
{
    uint64_t flags = random_next(random) & UINT64_C(0x87f0000000000e3f);

    flags |= one_in(random, 20) ? 0 : PAGE_PRESENT;
    flags |= places->writable_tables && !one_in(random, 20) ? PAGE_WRITABLE : 0;
    flags &= ~(one_in(random, 2) || !places->features.no_execute ? PAGE_NO_EXECUTE : 0);
    return one_in(random, 40) ? random_next(random) : flags;
}

static uint64_t random_page_count(struct random *random, unsigned size)
{
    static const uint64_t small[] = {0, 1, 2, 3, 511, 512, 513, 1024};
    static const uint64_t large[] = {
        512, 1024, 512 * 511, GIBIBYTE_PAGES, GIBIBYTE_PAGES, GIBIBYTE_PAGES + TWO_MIBIBYTE_PAGES};
    static const uint64_t huge[] = {GIBIBYTE_PAGES, GIBIBYTE_PAGES * 2, GIBIBYTE_PAGES + 512, 1};

    if (one_in(random, 60)) {
        return random_next(random) >> random_below(random, 64);
    }
    return size == 3   ? huge[random_below(random, 4)]
           : size == 2 ? large[random_below(random, 6)]
                       : small[random_below(random, one_in(random, 3) ? 8 : 4)];
}

/* The range of an operation on ranges. */
static void choose_range(struct random *random, const struct random_places *places,
                         struct operation *operation)
{
    bool whole_half = operation->kind == OPERATION_CLEAN_UP && one_in(random, 4);
    unsigned size = 1 + random_below(random, 3);
    bool mapping =
        operation->kind == OPERATION_MAP_RANGE || operation->kind == OPERATION_FRAMES_NEEDED;

    if (whole_half) {
        struct page_range half = one_in(random, 2) ? page_range_lower_half(places->levels)
                                                   : page_range_upper_half(places->levels);

        operation->page = half.start.value;
        operation->page_count = half.page_count;
        return;
    }
    operation->page = random_page(random, places, one_in(random, 4) ? 1 : size);
    operation->page_count = random_page_count(random, mapping && one_in(random, 2) ? 1 : size);
    size = one_in(random, 2) ? RANGE_PAGES_LARGEST : size;
    operation->size = (enum page_size)size;
    if (operation->size == PAGE_4K && operation->page_count > 1024 && mapping) {
        operation->page_count = one_in(random, 8) ? operation->page_count : 512;
    }
    /* Large ranges of small pages take long, and are rare for it. */
    if (operation->page_count > 1024 && mapping) {
        operation->frame = operation->page & (GIBIBYTE - 1);
        operation->size = operation->size == PAGE_4K ? PAGE_2M : operation->size;
    } else {
        operation->frame =
            random_frame(random, places, operation->page, size == RANGE_PAGES_LARGEST ? 1 : size);
    }
    operation->flags = random_flags(random, places, (unsigned)operation->size);
}

/* True when the page is below an entry of the root that belongs to the access. */
static bool is_hidden(const struct random_places *places, uint64_t page)
{
    return places->hidden[virt_addr_index(virt_addr_of(page), places->levels)];
}

/* Keeps off what belongs to the access. It may lie inside the range of an operation that looks at
 * leaves only. */
static void keep_off(const struct random_places *places, struct operation *operation,
                     uint64_t good_page)
{
    bool maps_range = operation->kind == OPERATION_MAP_RANGE ||
                      operation->kind == OPERATION_FRAMES_NEEDED ||
                      operation->kind == OPERATION_FIND_UNMAPPED;
    uint64_t end = operation->page + (operation->page_count << PAGE_SHIFT);

    if (is_hidden(places, operation->page)) {
        operation->page = good_page;
    }
    for (uint64_t page = operation->page; maps_range && page < end;
         page += level_bytes(places->levels)) {
        if (is_hidden(places, page)) {
            operation->page_count = 1;
            end = 0;
        }
        if (page + level_bytes(places->levels) < page) {
            end = 0;
        }
    }
    if (operation->kind == OPERATION_IDENTITY_MAP) {
        operation->frame &= 64 * GIBIBYTE - 1;
        operation->kind = places->hidden[0] ? OPERATION_MAP : OPERATION_IDENTITY_MAP;
    }
}

/* Spoils an argument. */
static void spoil(struct random *random, struct operation *operation)
{
    switch (random_below(random, 5)) {
    case 0:
        operation->page ^= UINT64_C(1) << random_below(random, 64);
        break;
    case 1:
        operation->page ^= UINT64_C(1) << (47 + random_below(random, 17));
        break;
    case 2:
        operation->page ^= UINT64_C(1) << (12 + random_below(random, 18));
        break;
    case 3:
        operation->size = (enum page_size)random_below(random, 6);
        break;
    default:
        operation->level = random_below(random, 8);
    }
}

static enum operation_kind random_kind(struct random *random)
{
    /* How often each kind comes. */
    static const unsigned char weights[OPERATION_KIND_COUNT] = {
        [OPERATION_MAP] = 28,
        [OPERATION_IDENTITY_MAP] = 1,
        [OPERATION_MAP_WITH_TABLE_FLAGS] = 6,
        [OPERATION_UNMAP] = 14,
        [OPERATION_UPDATE] = 6,
        [OPERATION_UPDATE_TABLE] = 4,
        [OPERATION_SPLIT] = 4,
        [OPERATION_MERGE] = 5,
        [OPERATION_MAP_RANGE] = 4,
        [OPERATION_FRAMES_NEEDED] = 2,
        [OPERATION_UNMAP_RANGE] = 5,
        [OPERATION_PROTECT_RANGE] = 3,
        [OPERATION_CLEAN_UP] = 4,
        [OPERATION_TRANSLATE] = 6,
        [OPERATION_TRANSLATE_PAGE] = 4,
        [OPERATION_READ] = 12,
        [OPERATION_WRITE] = 6,
        [OPERATION_FIND_UNMAPPED] = 3,
    };
    unsigned chosen = 0;
    unsigned kind = 0;

    for (unsigned i = 0; i < OPERATION_KIND_COUNT; i++) {
        chosen += weights[i];
    }
    chosen = random_below(random, chosen);
    while (chosen >= weights[kind]) {
        chosen -= weights[kind++];
    }
    return (enum operation_kind)kind;
}

struct operation random_operation(struct random *random, const struct random_places *places)
{
    struct operation operation = {.kind = random_kind(random)};
    unsigned size = 1 + random_below(random, 3);
    uint64_t good_page;

    size = operation.kind == OPERATION_SPLIT || operation.kind == OPERATION_MERGE
               ? 2 + random_below(random, 2)
               : size;
    operation.size = (enum page_size)size;
    operation.page = random_page(random, places, size);
    operation.frame = random_frame(random, places, operation.page, size);
    operation.flags = random_flags(random, places, size);
    operation.table_flags = random_table_flags(random, places);
    operation.level = 2 + random_below(random, places->levels - 1);
    operation.accessed_dirty = (enum accessed_dirty)random_below(random, 2);
    switch (operation.kind) {
    case OPERATION_MAP_RANGE:
    case OPERATION_FRAMES_NEEDED:
    case OPERATION_UNMAP_RANGE:
    case OPERATION_PROTECT_RANGE:
    case OPERATION_CLEAN_UP:
        choose_range(random, places, &operation);
        break;
    case OPERATION_FIND_UNMAPPED:
        choose_range(random, places, &operation);
        operation.size = (enum page_size)size;
        operation.frame = random_page_count(random, 1 + random_below(random, 3));
        break;
    case OPERATION_UPDATE_TABLE:
        operation.flags = operation.table_flags;
        break;
    case OPERATION_TRANSLATE:
    case OPERATION_READ:
    case OPERATION_WRITE:
        operation.page |= random_next(random) & (level_bytes(size) - 1);
        break;
    default:
        break;
    }
    good_page = operation.page;
    if (one_in(random, 25)) {
        spoil(random, &operation);
    }
    keep_off(places, &operation, good_page);
    return operation;
}
