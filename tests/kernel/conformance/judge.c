#include "tests/kernel/conformance/judge.h"

#include "kernel/test_mode/print.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/exception.h"
#include "kernel/traps/exception_text.h"

static uint64_t vector_of(enum mmu_result result)
{
    switch (result) {
    case MMU_PAGE_FAULT:
        return EXCEPTION_PAGE_FAULT;
    case MMU_GENERAL_PROTECTION:
        return EXCEPTION_GENERAL_PROTECTION;
    default:
        return VECTOR_SOFTWARE;
    }
}

/* What is in memory after the access. */
static uint64_t memory_after(const struct performance *performance,
                             const struct mmu_outcome *outcome)
{
    if (outcome->result != MMU_ALLOWED) {
        return performance->memory;
    }
    switch (performance->access.kind) {
    case MMU_WRITE:
        return performance->operand;
    case MMU_MODIFY:
        return performance->memory + performance->operand;
    default:
        return performance->memory;
    }
}

static bool entries_agree(const struct mmu_control *control, const struct mmu_outcome *outcome,
                          const struct observation *observation, unsigned leaf_level)
{
    uint64_t difference = 0;

    for (unsigned level = leaf_level; level <= control->levels; level++) {
        difference |= (observation->after.entries[level - 1] ^ outcome->after.entries[level - 1]) &
                      ~outcome->may_set.entries[level - 1];
    }
    return difference == 0;
}

static bool agrees(const struct mmu_control *control, const struct performance *performance,
                   const struct mmu_outcome *outcome, const struct observation *observation,
                   unsigned leaf_level)
{
    bool allowed = outcome->result == MMU_ALLOWED;

    return observation->vector == vector_of(outcome->result) &&
           (observation->error_code & ~(uint64_t)outcome->may_report) == outcome->error_code &&
           (outcome->result != MMU_PAGE_FAULT || observation->cr2 == outcome->cr2) &&
           (!allowed || outcome->physical == performance->physical) &&
           (!allowed || performance->access.kind != MMU_READ ||
            observation->value == performance->memory) &&
           observation->memory == memory_after(performance, outcome) &&
           entries_agree(control, outcome, observation, leaf_level);
}

/* All that a word says, by name. */
static void print_word(const struct test *test, uint64_t word)
{
    static const char *const kinds[] = {"read", "write", "fetch", "modify (read and write)"};
    static const char *const targets[] = {"4 KiB page", "2 MiB page", "1 GiB page",
                                          "address that is not canonical"};

    test_print(test, "# combination 0x%016lx: %s, %s, key %lu;", word,
               kinds[word & COMBINATION_KIND], targets[combination_target(word)],
               (word & COMBINATION_KEY) >> COMBINATION_KEY_SHIFT);
    for (size_t i = 0; i < combination_flag_count; i++) {
        if ((word & combination_flags[i].bit) != 0) {
            test_print(test, " %s", combination_flags[i].name);
        }
    }
    if ((word & EXTRA_LEVEL) != 0) {
        test_print(test, "; bit %lu of the L%lu entry", (word & EXTRA_BIT) >> EXTRA_BIT_SHIFT,
                   (word & EXTRA_LEVEL) >> EXTRA_LEVEL_SHIFT);
    }
    test_print(test, "\n");
}

static void print_result(const struct test *test, const char *who, uint64_t vector,
                         uint64_t error_code, uint64_t cr2)
{
    static const char *const bits[] = {"P", "W/R", "U/S", "RSVD", "I/D", "PK"};

    test_print(test, "#   %s: ", who);
    if (vector == VECTOR_SOFTWARE) {
        test_print(test, "goes through\n");
        return;
    }
    test_print(test, "%s, error code 0x%lx (", exception_name(vector), error_code);
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if ((error_code >> i & 1) != 0) {
            test_print(test, " %s", bits[i]);
        }
    }
    test_print(test, " )");
    if (vector == EXCEPTION_PAGE_FAULT) {
        test_print(test, ", CR2 0x%lx", cr2);
    }
    test_print(test, "\n");
}

static void print_failure(const struct test *test, uint64_t word, const struct mmu_control *control,
                          const struct performance *performance, const struct mmu_outcome *outcome,
                          const struct observation *observation)
{
    print_word(test, word);
    test_print(test, "#   at 0x%lx; PKRU 0x%x, PKRS 0x%x\n", performance->access.address,
               control->pkru, control->pkrs);
    print_result(test, "expected", vector_of(outcome->result), outcome->error_code, outcome->cr2);
    print_result(test, "observed", observation->vector, observation->error_code, observation->cr2);
    for (unsigned level = control->levels; level >= combination_leaf_level(word); level--) {
        test_print(test, "#   L%u entry 0x%016lx: expected 0x%016lx after, observed 0x%016lx\n",
                   level, performance->path.entries[level - 1], outcome->after.entries[level - 1],
                   observation->after.entries[level - 1]);
    }
    test_print(test, "#   memory 0x%016lx: expected 0x%016lx after, observed 0x%016lx\n",
               performance->memory, memory_after(performance, outcome), observation->memory);
    if (performance->access.kind == MMU_READ && observation->vector == VECTOR_SOFTWARE) {
        test_print(test, "#   read 0x%016lx\n", observation->value);
    }
    test_print(test,
               "#   again: ./scripts/qemu_runner.py test 'one.*' --image assay-conformance "
               "%s--append combination=0x%016lx\n",
               control->levels == 5 ? "--profile la57 " : "", word);
}

void judge_combination(struct test *test, struct tally *tally, uint64_t word)
{
    struct mmu_control control = combination_control(stage_machine(), word);
    unsigned leaf_level = combination_leaf_level(word);
    struct performance performance;
    struct observation observation;

    stage_perform(word, &performance, &observation);
    struct mmu_outcome manual = mmu_access(&control, &performance.path, &performance.access);
    struct mmu_outcome expected = manual;
    unsigned deviating = deviations_apply(control, &performance, &expected);
    bool conforms = agrees(&control, &performance, &manual, &observation, leaf_level);

    tally->combinations++;
    tally->allowed += manual.result == MMU_ALLOWED;
    if (deviating != 0) {
        bool deviated = agrees(&control, &performance, &expected, &observation, leaf_level);

        if (deviated || conforms) {
            deviations_note(deviating, deviated);
            return;
        }
    } else if (conforms) {
        return;
    }
    test->failed = true;
    if (tally->failures++ < FAILURES_SHOWN) {
        print_failure(test, word, &control, &performance, &expected, &observation);
    }
}
