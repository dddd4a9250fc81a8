/* What could stand as the next word of a line. */
#include "kernel/arguments/argument.h"
#include "kernel/arguments/argument_kind.h"
#include "kernel/claims/claim.h"
#include "kernel/commands/commands.h"
#include "kernel/test_mode/session.h"

static void offer_kind(enum argument_kind kind, bool begun,
                       void (*offer)(void *context, const char *word), void *context)
{
    for (size_t i = 0; argument_kinds[kind].words[i] != NULL; i++) {
        offer(context, argument_kinds[kind].words[i]);
    }
    switch (kind) {
    case ARGUMENT_ADDRESS:
    case ARGUMENT_PAGE:
        argument_names(begun, offer, context);
        break;
    case ARGUMENT_COMMAND:
        for (size_t i = 0; i < command_count; i++) {
            offer(context, commands[i].name);
        }
        break;
    case ARGUMENT_STRATEGY:
        for (enum access_strategy i = 0; i < STRATEGY_COUNT; i++) {
            offer(context, access_strategy_name(i));
        }
        break;
    case ARGUMENT_CLAIM:
        claim_names(offer, context);
        break;
    case ARGUMENT_GLOB:
        test_session_names(offer, context);
        break;
    default:
        break;
    }
}

/* What comes next if it has a place of its own, else END. */
static enum argument_kind next_positional(const struct command *command, const struct words *words)
{
    size_t position = 1;

    for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
        if (argument_is_option(a->kind) || position++ == words->count) {
            return argument_is_option(a->kind) ? ARGUMENT_END : a->kind;
        }
    }
    return ARGUMENT_END;
}

static void offer_arguments(const struct command *command, const struct words *words, bool begun,
                            void (*offer)(void *context, const char *word), void *context)
{
    enum argument_kind positional = next_positional(command, words);
    size_t option_first = 1; /* of the words */

    if (positional != ARGUMENT_END) {
        offer_kind(positional, begun, offer, context);
        return;
    }
    for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
        bool given = false;

        if (!argument_is_option(a->kind)) {
            option_first++;
            continue;
        }
        for (size_t i = option_first; i < words->count; i++) {
            given = given || argument_is_of_kind(a->kind, words->word[i]);
        }
        if (!given) {
            offer_kind(a->kind, begun, offer, context);
        }
    }
}

void command_candidates(const struct words *words, bool begun,
                        void (*offer)(void *context, const char *word), void *context)
{
    if (words->count == 0) {
        for (size_t i = 0; i < command_count; i++) {
            offer(context, commands[i].name);
        }
        return;
    }
    const struct command *command = command_find(words->word[0]);
    if (command != NULL) {
        offer_arguments(command, words, begun, offer, context);
    }
}

const char *command_other_candidates(const struct words *words)
{
    const struct command *command = words->count > 0 ? command_find(words->word[0]) : NULL;

    return command != NULL ? argument_kinds[next_positional(command, words)].others : NULL;
}
