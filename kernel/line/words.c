#include "kernel/line/words.h"

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

bool words_split(struct words *self, const char *line)
{
    size_t used = 0;

    self->count = 0;
    for (;;) {
        while (is_blank(*line)) {
            line++;
        }
        if (*line == '\0') {
            return true;
        }
        if (self->count == WORDS_MAX) {
            return false;
        }
        self->word[self->count++] = &self->text[used];
        while (*line != '\0' && !is_blank(*line)) {
            if (used + 2 > sizeof self->text) {
                return false;
            }
            self->text[used++] = *line++;
        }
        self->text[used++] = '\0';
    }
}
