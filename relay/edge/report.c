#include "relay/edge/report.h"

#include <stdarg.h>
#include <stdio.h>

void report_title(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void report(struct report *r, enum finding finding, const char *format, ...)
{
    static const char *const marks[] = {[FOUND_GOOD] = "good", [FOUND_NOTE] = "look", [FOUND_BAD] = "BAD"};
    va_list args;
    r->count[finding]++;
    printf("  %-4s  ", marks[finding]);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void report_sum(const struct report *r)
{
    if (r->count[FOUND_BAD] == 0)
        printf("Nothing has to be mended (%u good, %u to look at).\n", r->count[FOUND_GOOD],
               r->count[FOUND_NOTE]);
    else
        printf("To be mended: %u (%u good, %u to look at).\n", r->count[FOUND_BAD], r->count[FOUND_GOOD],
               r->count[FOUND_NOTE]);
}
