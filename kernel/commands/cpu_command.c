/* The CPU's features and control registers, bit by bit. */
#include "kernel/commands/commands.h"

struct bit_name {
    unsigned bit;
    const char *name;
};

/* Source: Intel SDM volume 3, 2.5 "Control Registers" and 2.2.1 "Extended Feature Enable
 * Register". */
static const struct bit_name cr0_bits[] = {
    {0, "PE"},  {1, "MP"},  {2, "EM"},  {3, "TS"},  {4, "ET"},  {5, "NE"},
    {16, "WP"}, {18, "AM"}, {29, "NW"}, {30, "CD"}, {31, "PG"}, {0, NULL},
};
static const struct bit_name cr3_bits[] = {{3, "PWT"}, {4, "PCD"}, {0, NULL}};
static const struct bit_name cr4_bits[] = {
    {0, "VME"},   {1, "PVI"},   {2, "TSD"},   {3, "DE"},        {4, "PSE"},         {5, "PAE"},
    {6, "MCE"},   {7, "PGE"},   {8, "PCE"},   {9, "OSFXSR"},    {10, "OSXMMEXCPT"}, {11, "UMIP"},
    {12, "LA57"}, {13, "VMXE"}, {14, "SMXE"}, {16, "FSGSBASE"}, {17, "PCIDE"},      {18, "OSXSAVE"},
    {20, "SMEP"}, {21, "SMAP"}, {22, "PKE"},  {23, "CET"},      {24, "PKS"},        {0, NULL},
};
static const struct bit_name efer_bits[] = {
    {0, "SCE"}, {8, "LME"}, {10, "LMA"}, {11, "NXE"}, {0, NULL},
};
static const struct bit_name rflags_bits[] = {
    {0, "CF"},  {2, "PF"},  {4, "AF"},  {6, "ZF"},  {7, "SF"},  {8, "TF"},  {9, "IF"},
    {10, "DF"}, {11, "OF"}, {14, "NT"}, {16, "RF"}, {18, "AC"}, {21, "ID"}, {0, NULL},
};

static void print_register(struct monitor *monitor, const char *name, uint64_t value,
                           const struct bit_name *bits)
{
    console_print(monitor->console, "%-7s 0x%016lx ", name, value);
    for (; bits->name != NULL; bits++) {
        if ((value >> bits->bit & 1) != 0) {
            console_print(monitor->console, " %s", bits->name);
        }
    }
    console_print(monitor->console, "\n");
}

static void print_features(struct monitor *monitor, const struct cpu_features *cpu)
{
    const struct {
        bool there;
        const char *text;
    } features[] = {
        {cpu->no_execute, "NX (pages that are not code)"},
        {cpu->pages_1g, "1 GiB pages"},
        {cpu->global_pages, "global pages"},
        {cpu->smep, "SMEP (the kernel runs no user page)"},
        {cpu->smap, "SMAP (the kernel touches no user page)"},
        {cpu->umip, "UMIP (descriptor registers hidden from user mode)"},
        {cpu->la57, "LA57 (five levels)"},
    };

    console_print(monitor->console, "%u bits of physical address, %u levels of page tables\n",
                  cpu->physical_bits, monitor->kernel->page_table.levels);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        console_print(monitor->console, "  %-3s  %s\n", features[i].there ? "yes" : "no",
                      features[i].text);
    }
}

void command_cpu(struct monitor *monitor, const struct arguments *arguments)
{
    static const struct bit_name no_bits[] = {{0, NULL}};

    (void)arguments;
    print_features(monitor, &monitor->kernel->cpu);
    print_register(monitor, "CR0", cr0_read(), cr0_bits);
    print_register(monitor, "CR2", cr2_read().value, no_bits);
    print_register(monitor, "CR3", cr3_read(), cr3_bits);
    print_register(monitor, "CR4", cr4_read(), cr4_bits);
    print_register(monitor, "EFER", msr_read(MSR_EFER), efer_bits);
    print_register(monitor, "RFLAGS", rflags_read(), rflags_bits);
}
