/* All claims, one subject after the other. */
#include "kernel/claims/claim.h"

static const struct claim *const lists[] = {claims_of_tables, claims_of_mapping, claims_of_sums};

enum { LIST_COUNT = sizeof lists / sizeof lists[0] };

const struct claim *claim_at(size_t index)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        for (const struct claim *claim = lists[i]; claim->id != NULL; claim++) {
            if (index-- == 0) {
                return claim;
            }
        }
    }
    return NULL;
}

void claim_names(void (*offer)(void *context, const char *word), void *context)
{
    const struct claim *claim;

    for (size_t i = 0; (claim = claim_at(i)) != NULL; i++) {
        offer(context, claim->id);
    }
    offer(context, "all");
}
