#include "kernel/line/history.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

void history_add(struct history *self, const char *line)
{
    const char *last = history_line(self, 1);

    if (line[0] == '\0' || (last != NULL && strcmp(last, line) == 0)) {
        return;
    }
    format_text(self->lines[self->added % HISTORY_LINES], HISTORY_LINE_BYTES, "%s", line);
    self->added++;
}

const char *history_line(const struct history *self, size_t back)
{
    if (back == 0 || back > self->added || back > HISTORY_LINES) {
        return NULL;
    }
    return self->lines[(self->added - back) % HISTORY_LINES];
}
