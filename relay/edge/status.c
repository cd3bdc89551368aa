#define _POSIX_C_SOURCE 200809L
#include "relay/edge/status.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "relay/edge/watch.h"

struct number {
    const char *name, *words; /* without words: for sentences and programs */
    size_t offset;
};

#define STAT(member) offsetof(struct status_numbers, stats.member)
#define COUNT(member) offsetof(struct status_numbers, counts.member)

static const struct number numbers[] = {
    {"uptime_s", "seconds since start", offsetof(struct status_numbers, uptime_s)},
    {"connections", "connections now", STAT(connections)},
    {"subscriptions", "queues being read now", STAT(subscriptions)},
    {"queues", "queues", COUNT(queues)},
    {"queues_loaded", "queues in memory", STAT(queues_loaded)},
    {"slots", "slots", COUNT(slots)},
    {"vouchers", "vouchers not yet spent", COUNT(vouchers)},
    {"messages_waiting", "messages waiting on disk", COUNT(messages)},
    {"file_bytes", "bytes of the database", COUNT(file_bytes)},
    {"bytes_in_flight", "bytes of messages in memory", STAT(bytes_in_flight)},
    {"accepted", "messages accepted since start", STAT(accepted)},
    {"delivered", "messages delivered since start", STAT(delivered)},
    {"acknowledged", "messages acknowledged since start", STAT(acknowledged)},
    {"written", "messages that needed the disk", STAT(written)},
    {"expired", "messages expired since start", STAT(expired)},
    {"refused", "commands refused since start", STAT(refused)},
    {"late_ticks", "answers that waited for the disk", STAT(late_ticks)},
    {"failed_commits", "commits that failed", STAT(failed_commits)},
    {"failed_jobs", "jobs of the disk that failed", STAT(failed_jobs)},
    {"damaged", "times that something was left out that is damaged", STAT(damaged)},
    {"marks", "marks of messages that nobody read in time", COUNT(marks)},
    {"forgotten", "times the journal was emptied", STAT(forgotten)},
    {"trouble", NULL, STAT(trouble)},
    {"trouble_since_utc_s", NULL, STAT(trouble_since_utc_s)},
    {"clock_doubted_utc_s", NULL, STAT(clock_doubted_utc_s)},
    {"hour", NULL, STAT(hour)},
    {"keys_volatile", NULL, offsetof(struct status_numbers, keys_volatile)},
    {"sandboxed", NULL, offsetof(struct status_numbers, sandboxed)},
    {"memory_locked", NULL, offsetof(struct status_numbers, memory_locked)},
};

enum { NUMBER_COUNT = sizeof(numbers) / sizeof(numbers[0]) };

void status_encode(const struct status_numbers *n, char out[STATUS_TEXT_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        uint64_t v;
        memcpy(&v, (const char *)n + numbers[i].offset, sizeof(v));
        int len = snprintf(out + used, STATUS_TEXT_MAX - used, "%s %" PRIu64 "\n", numbers[i].name, v);
        if (len < 0 || (size_t)len >= STATUS_TEXT_MAX - used)
            return;
        used += (size_t)len;
    }
}

/* The value behind a name, digits only; false: it is not there. */
static bool find_value(const char *lines, const char *name, uint64_t *out)
{
    size_t len = strlen(name);
    for (const char *line = lines; line != NULL && *line != '\0';) {
        if (strncmp(line, name, len) == 0 && line[len] == ' ')
            return sscanf(line + len, "%" SCNu64, out) == 1;
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return false;
}

/* All or none, so that nothing is printed of an answer that is not understood. */
static bool find_all(const char *lines, uint64_t values[NUMBER_COUNT])
{
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (!find_value(lines, numbers[i].name, &values[i]))
            return false;
    return true;
}

static uint64_t value_of(const uint64_t values[NUMBER_COUNT], const char *name)
{
    size_t i = 0;
    while (strcmp(numbers[i].name, name) != 0)
        i++;
    return values[i];
}

/* "2026-11-25 12:00 UTC" */
static const char *moment(uint64_t utc_s, char text[32])
{
    time_t t = (time_t)utc_s;
    struct tm utc;
    if (gmtime_r(&t, &utc) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M UTC", &utc) == 0)
        text[0] = '\0';
    return text;
}

static void print_sentences(FILE *out, const uint64_t values[NUMBER_COUNT])
{
    uint64_t trouble = value_of(values, "trouble"), doubted = value_of(values, "clock_doubted_utc_s");
    char when[32];

    if (trouble != TROUBLE_NONE)
        fprintf(out,
                "Trouble: %s since %s. What needs writing is answered busy; what was accepted is kept.\n",
                trouble_words(trouble), moment(value_of(values, "trouble_since_utc_s"), when));
    if (doubted != 0)
        fprintf(out,
                "The clock is not believed since %s, because it jumped by more than a day. Hours are counted "
                "without it.\n",
                moment(doubted, when));
    fputs(value_of(values, "keys_volatile") != 0
              ? "Keys lie in memory only: what waits for its reader is lost when this machine stops.\n"
              : "Keys lie on a disk.\n",
          out);
}

bool status_print_words(FILE *out, const char *lines)
{
    uint64_t values[NUMBER_COUNT];
    if (!find_all(lines, values))
        return false;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (numbers[i].words != NULL)
            fprintf(out, "%12" PRIu64 "  %s\n", values[i], numbers[i].words);
    print_sentences(out, values);
    return true;
}

bool status_print_json(FILE *out, const char *lines)
{
    uint64_t values[NUMBER_COUNT];
    if (!find_all(lines, values))
        return false;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        fprintf(out, "%s\"%s\": %" PRIu64, i == 0 ? "{" : ", ", numbers[i].name, values[i]);
    uint64_t trouble = value_of(values, "trouble");
    fprintf(out, ", \"trouble_words\": \"%s\"}\n", trouble != TROUBLE_NONE ? trouble_words(trouble) : "");
    return true;
}
