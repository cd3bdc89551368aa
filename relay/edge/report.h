/*
 * What `check` found, in words, a line each: good, worth a look, or to be mended. Written to stdout as it is
 * found, because some of it takes seconds.
 */
#ifndef RELAY_EDGE_REPORT_H
#define RELAY_EDGE_REPORT_H

enum finding { FOUND_GOOD, FOUND_NOTE, FOUND_BAD };

struct report {
    unsigned count[3]; /* by finding */
};

void report_title(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report(struct report *r, enum finding finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How many of each, for the end. */
void report_sum(const struct report *r);

#endif
