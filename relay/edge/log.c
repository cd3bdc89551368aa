#define _POSIX_C_SOURCE 200809L
#include "relay/edge/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const words[] = {"info", "warning", "error"};
    char when[32] = "", text[512];
    time_t now = time(NULL);
    struct tm utc;
    va_list args;

    if (gmtime_r(&now, &utc) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%MZ", &utc);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* One call, so that lines of several processes do not mix. */
    fprintf(stderr, "%s %s %s\n", when, words[level], text);
}
