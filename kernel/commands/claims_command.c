/* The command that shows statements of the paging tutorial. */
#include "kernel/claims/claim.h"
#include "kernel/commands/commands.h"
#include "kernel/lib/string.h"
#include "kernel/line/suggestion.h"

static char upper(char character)
{
    return character >= 'a' && character <= 'z' ? (char)(character - 'a' + 'A') : character;
}

/* Ids are written in capitals, but need not be typed so. */
static bool is_id(const char *id, const char *word)
{
    while (*id != '\0' && *id == upper(*word)) {
        id++;
        word++;
    }
    return *id == *word;
}

static enum claim_result show(struct monitor *monitor, const struct claim *claim)
{
    static const char *const texts[] = {
        [CLAIM_HOLDS] = "so it is",
        [CLAIM_BROKEN] = "it is NOT so",
        [CLAIM_NOT_HERE] = "not shown here",
    };

    console_print(monitor->console, "%s: %s\n", claim->id, claim->statement);
    enum claim_result result = CLAIM_NOT_HERE;
    if (claim->through_physical_memory && !monitor->kernel->boot_info->has_physical_memory) {
        console_print(monitor->console, "  physical=off left out the map of all RAM\n");
    } else {
        result = claim->show(monitor);
    }
    console_print(monitor->console, "  %s\n", texts[result]);
    return result;
}

static void offer_suggestion(void *context, const char *word)
{
    suggestion_offer(context, word);
}

static void complain(struct monitor *monitor, const char *wanted)
{
    struct suggestion suggestion = suggestion_for(wanted, strlen(wanted));

    claim_names(offer_suggestion, &suggestion);
    console_print(monitor->console, "no claim \"%s\"; `claims` lists them", wanted);
    if (suggestion.best != NULL) {
        console_print(monitor->console, "; did you mean %s?", suggestion.best);
    }
    console_print(monitor->console, "\n");
}

void command_claims(struct monitor *monitor, const struct arguments *arguments)
{
    const char *wanted = arguments->word != NULL ? arguments->word : "";
    bool all = strcmp(wanted, "all") == 0;
    unsigned counts[3] = {0};
    unsigned shown = 0;
    const struct claim *claim;

    for (size_t i = 0; (claim = claim_at(i)) != NULL; i++) {
        if (wanted[0] == '\0') {
            console_print(monitor->console, "%-4s %s\n", claim->id, claim->statement);
        } else if (all || is_id(claim->id, wanted)) {
            shown++;
            counts[show(monitor, claim)]++;
        }
    }
    if (all) {
        console_print(monitor->console, "%u of %u hold, %u not shown here\n", counts[CLAIM_HOLDS],
                      shown, counts[CLAIM_NOT_HERE]);
    } else if (wanted[0] != '\0' && shown == 0) {
        complain(monitor, wanted);
    }
}
