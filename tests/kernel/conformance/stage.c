#include "tests/kernel/conformance/stage.h"

#include "kernel/layout/image.h"
#include "kernel/lib/string.h"
#include "kernel/panic/panic.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/exception.h"
#include "tests/kernel/conformance/stage_access.h"

enum {
    ENTRIES = 512,
    COPIES_MAX = 96,
    ROOT_SLOT = 0x55,  /* of the path */
    STUBS_SLOT = 0x56, /* of the stubs as user mode sees them */
    INNER_INDEX = 0x21,
    DATA_OFFSET = 8, /* in the page of data */
};

typedef uint64_t table[ENTRIES];

/* Memory that is only the stage's. The pages of data and code are below 1 GiB like all of the
 * image, so that a page of any size that begins at a multiple of its size can hold them. */
static struct {
    table copies[COPIES_MAX];          /* the kernel's tables, the root first */
    table path_tables[MMU_LEVELS_MAX]; /* that of level n: path_tables[n - 1] */
    table stub_tables[MMU_LEVELS_MAX];
    uint64_t data[ENTRIES];
    uint64_t code[ENTRIES];
    uint8_t user_exception_stack[4096];
} memory __attribute__((aligned(4096)));

static struct {
    struct combination_machine machine;
    unsigned copy_count;
    uint64_t kernel_root, cr0, cr4, efer;
    uint64_t stubs_for_user; /* the address of stage_stubs in user mode */
    uint64_t word;           /* whose controls are loaded */
    bool controls_loaded, uses_pkrs;
} stage;

static uint64_t physical_of(const void *object)
{
    return image_physical(object).value;
}

static table *kernel_table_at(const struct kernel *kernel, uint64_t physical)
{
    return mm_port_pointer(virt_addr_of(kernel->boot_info->physical_memory_offset + physical));
}

/* Copies a table of the kernel and all below it. Returns the physical address of the copy. */
static uint64_t copy_table(const struct kernel *kernel, uint64_t physical, unsigned level)
{
    const table *original = kernel_table_at(kernel, physical);
    table *copy = &memory.copies[stage.copy_count++];

    if (stage.copy_count > COPIES_MAX) {
        PANIC("the kernel has more than %d tables: raise COPIES_MAX", COPIES_MAX);
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t entry = (*original)[i] & ~MMU_XD;
        uint64_t below = entry & MMU_ADDRESS;

        (*copy)[i] = entry;
        if ((entry & MMU_P) != 0 && !mmu_is_leaf(entry, level)) {
            (*copy)[i] = below == stage.kernel_root
                             ? 0 /* a recursive entry */
                             : (entry & ~MMU_ADDRESS) | copy_table(kernel, below, level - 1);
        }
    }
    return physical_of(copy);
}

static uint64_t sign_extended(uint64_t address)
{
    unsigned above = 64 - (mmu_shift(stage.machine.levels) + 9);

    return (uint64_t)((int64_t)(address << above) >> above);
}

static unsigned index_of(uint64_t address, unsigned level)
{
    return (unsigned)(address >> mmu_shift(level)) % ENTRIES;
}

/* An address below a slot of the root at which pages of every size can hold the byte at
 * `physical`. */
static uint64_t address_for(unsigned slot, uint64_t physical)
{
    uint64_t address = (uint64_t)slot << mmu_shift(stage.machine.levels);

    for (unsigned level = stage.machine.levels - 1; level >= 3; level--) {
        address |= (uint64_t)INNER_INDEX << mmu_shift(level);
    }
    return sign_extended(address | physical % mmu_entry_bytes(3));
}

/* Maps the page of the stubs for user mode, by tables that no combination touches. */
static void map_stubs(void)
{
    uint64_t physical = physical_of(stage_stubs);
    table *above = &memory.copies[0];

    stage.stubs_for_user = address_for(STUBS_SLOT, physical);
    for (unsigned level = stage.machine.levels; level > 1; level--) {
        table *below = &memory.stub_tables[level - 2];

        (*above)[index_of(stage.stubs_for_user, level)] =
            physical_of(below) | MMU_P | MMU_RW | MMU_US;
        above = below;
    }
    (*above)[index_of(stage.stubs_for_user, 1)] = physical | MMU_P | MMU_US;
}

static void find_machine(const struct kernel *kernel)
{
    const struct cpu_features *cpu = &kernel->cpu;

    stage.machine = (struct combination_machine){
        .levels = kernel->page_table.levels,
        .physical_bits = cpu->physical_bits,
        .pages_1g = cpu->pages_1g,
        .controls = CONTROL_WP | (cpu->no_execute ? CONTROL_NXE : 0) |
                    (cpu->smep ? CONTROL_SMEP : 0) | (cpu->smap ? CONTROL_SMAP : 0) |
                    (cpu->user_keys ? CONTROL_PKE : 0) | (cpu->supervisor_keys ? CONTROL_PKS : 0),
    };
}

const struct combination_machine *stage_machine(void)
{
    return &stage.machine;
}

void stage_enter(struct kernel *kernel)
{
    find_machine(kernel);
    stage.kernel_root = kernel->page_table.root.value;
    stage.cr0 = cr0_read();
    stage.cr4 = cr4_read();
    stage.efer = msr_read(MSR_EFER);
    stage.controls_loaded = false;
    stage.copy_count = 0;
    memset(&memory, 0, sizeof memory);
    memcpy(memory.code, stage_target_code, STAGE_TARGET_CODE_BYTES);
    memory.data[DATA_OFFSET / 8] = UINT64_C(0x0123456789abcdef);
    uint64_t root = copy_table(kernel, stage.kernel_root, stage.machine.levels);
    ASSERT((memory.copies[0][ROOT_SLOT] | memory.copies[0][STUBS_SLOT]) == 0);
    map_stubs();
    cr3_write(root);
    if (kernel->cpu.global_pages) {
        cr4_write(cr4_read() | CR4_PAGE_GLOBAL);
    }
    descriptors_set_user_exception_stack(
        virt_addr_of((uint64_t)memory.user_exception_stack + sizeof memory.user_exception_stack));
    descriptors_set_gate(EXCEPTION_GENERAL_PROTECTION, (uint64_t)stage_on_general_protection, 0);
    descriptors_set_gate(EXCEPTION_PAGE_FAULT, (uint64_t)stage_on_page_fault, 0);
    _Static_assert(VECTOR_SOFTWARE == 48, "as in stage.asm");
    descriptors_set_gate(VECTOR_SOFTWARE, (uint64_t)stage_on_software, 3);
}

static uint64_t with_bit(uint64_t value, uint64_t bit, bool set)
{
    return set ? value | bit : value & ~bit;
}

void stage_leave(void)
{
    cr4_write(stage.cr4);
    msr_write(MSR_EFER, stage.efer);
    cr3_write(stage.kernel_root);
    cr0_write(stage.cr0);
    if (stage.uses_pkrs) {
        msr_write(MSR_PKRS, 0);
    }
    descriptors_reload_data();
    descriptors_set_user_exception_stack(virt_addr_of(0));
    descriptors_reset_gate(EXCEPTION_GENERAL_PROTECTION);
    descriptors_reset_gate(EXCEPTION_PAGE_FAULT);
    descriptors_reset_gate(VECTOR_SOFTWARE);
}

#define KEY_BITS (COMBINATION_KEY | COMBINATION_KEY_AD | COMBINATION_KEY_WD)

static void load_controls(uint64_t word)
{
    uint64_t changed = stage.controls_loaded ? word ^ stage.word : ~UINT64_C(0);
    uint64_t cr4 = cr4_read();

    if ((changed & (CONTROL_ALL | KEY_BITS)) == 0) {
        return;
    }
    stage.word = word;
    stage.controls_loaded = true;
    if ((changed & CONTROL_WP) != 0) {
        cr0_write(with_bit(stage.cr0, CR0_WRITE_PROTECT, (word & CONTROL_WP) != 0));
    }
    if ((changed & CONTROL_NXE & stage.machine.controls) != 0) {
        msr_write(MSR_EFER, with_bit(stage.efer, EFER_NO_EXECUTE, (word & CONTROL_NXE) != 0));
    }
    cr4 = with_bit(cr4, CR4_SMEP, (word & CONTROL_SMEP) != 0);
    cr4 = with_bit(cr4, CR4_SMAP, (word & CONTROL_SMAP) != 0);
    cr4 = with_bit(cr4, CR4_USER_KEYS, (word & CONTROL_PKE) != 0);
    cr4 = with_bit(cr4, CR4_SUPERVISOR_KEYS, (word & CONTROL_PKS) != 0);
    if ((word & CONTROL_PKS) != 0) {
        msr_write(MSR_PKRS, combination_pkrs(word));
        stage.uses_pkrs = true;
    }
    if ((changed & CONTROL_ALL) != 0) {
        cr4_write(cr4);
    }
    if ((word & CONTROL_PKE) != 0) {
        pkru_write(combination_pkru(word));
    }
}

static uint64_t *slot_of(uint64_t address, unsigned level)
{
    table *table_of_level =
        level == stage.machine.levels ? &memory.copies[0] : &memory.path_tables[level - 1];

    return &(*table_of_level)[index_of(address, level)];
}

/* One of 16 addresses that are not canonical: the first and the last of them, and addresses of both
 * halves with one of the bits changed that all should be alike. */
static uint64_t not_canonical(unsigned number)
{
    unsigned bits = mmu_shift(stage.machine.levels) + 9;
    uint64_t top_bit = UINT64_C(1) << (bits - 1);
    unsigned half_slot = number % 2 == 0 ? ROOT_SLOT : ROOT_SLOT + ENTRIES / 2;

    switch (number) {
    case 0:
        return top_bit;
    case 1:
        return ~top_bit;
    default:
        return address_for(half_slot, physical_of(memory.data)) ^
               UINT64_C(1) << (bits + number % (64 - bits));
    }
}

static uint64_t address_of(uint64_t word, uint64_t physical)
{
    return combination_target(word) == TARGET_NOT_CANONICAL
               ? not_canonical((unsigned)((word & COMBINATION_KEY) >> COMBINATION_KEY_SHIFT))
               : address_for(ROOT_SLOT, physical);
}

static void set_up_path(uint64_t word, struct performance *performance)
{
    unsigned leaf_level = combination_leaf_level(word);
    uint64_t page_mask = ~(mmu_entry_bytes(leaf_level) - 1);
    /* Where the path would be if the address were canonical. */
    uint64_t address = address_for(ROOT_SLOT, performance->physical);

    for (unsigned level = stage.machine.levels; level >= leaf_level; level--) {
        uint64_t frame = level == leaf_level ? performance->physical & page_mask
                                             : physical_of(&memory.path_tables[level - 2]);
        uint64_t entry = combination_entry(word, level, frame);

        performance->path.entries[level - 1] = entry;
        *(volatile uint64_t *)slot_of(address, level) = entry;
    }
    mm_port_flush_page(virt_addr_of(address));
}

static const uint8_t *const stubs[] = {
    [MMU_READ] = stage_stub_read,
    [MMU_WRITE] = stage_stub_write,
    [MMU_FETCH] = stage_stub_fetch,
    [MMU_MODIFY] = stage_stub_modify,
};

void stage_perform(uint64_t word, struct performance *performance, struct observation *observation)
{
    enum mmu_access_kind kind = (enum mmu_access_kind)(word & COMBINATION_KIND);
    bool user = (word & COMBINATION_USER) != 0;
    const volatile uint64_t *data = &memory.data[DATA_OFFSET / 8];
    uint64_t address;

    load_controls(word);
    performance->physical =
        physical_of(kind == MMU_FETCH ? &memory.code[0] : &memory.data[DATA_OFFSET / 8]);
    address = address_of(word, performance->physical);
    performance->access = (struct mmu_access){
        .address = address,
        .kind = kind,
        .user = user,
        .alignment_check = (word & COMBINATION_AC) != 0,
    };
    performance->memory = *data;
    performance->operand = *data * UINT64_C(0x9e3779b97f4a7c15) + 1;
    set_up_path(word, performance);

    struct stage_call call = {
        .rip = user ? stage.stubs_for_user + (uint64_t)(stubs[kind] - stage_stubs)
                    : (uint64_t)stubs[kind],
        .cs = user ? SELECTOR_USER_CODE : SELECTOR_CODE,
        .ss = user ? SELECTOR_USER_DATA : SELECTOR_DATA,
        .flags =
            (word & COMBINATION_AC) != 0 ? RFLAGS_ALWAYS | RFLAGS_ALIGNMENT_CHECK : RFLAGS_ALWAYS,
        .address = address,
        .operand = performance->operand,
    };
    stage_access(&call);

    observation->vector = call.vector;
    observation->error_code = call.error_code;
    observation->cr2 = call.cr2;
    observation->value = call.value;
    observation->memory = *data;
    uint64_t path_address = address_for(ROOT_SLOT, performance->physical);
    for (unsigned level = stage.machine.levels; level >= combination_leaf_level(word); level--) {
        observation->after.entries[level - 1] = *(volatile uint64_t *)slot_of(path_address, level);
    }
}
