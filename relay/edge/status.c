#define _POSIX_C_SOURCE 200809L
#include "relay/edge/status.h"

#include <inttypes.h>
#include <string.h>

#include "relay/edge/watch.h"

/* A state is a number for programs; people read a sentence. */
enum kind { COUNTER, GAUGE, STATE };

struct number {
    const char *name, *words;
    const char *metric; /* NULL: of use only beside others */
    enum kind kind;
    bool local; /* found by who asks, not by the relay */
    size_t offset;
};

#define STAT(member) false, offsetof(struct status_numbers, stats.member)
#define COUNT(member) false, offsetof(struct status_numbers, counts.member)
#define OWN(member) false, offsetof(struct status_numbers, member)
#define LOCAL(member) true, offsetof(struct status_local, member)

static const struct number numbers[] = {
    {"uptime_s", "seconds since start", "uptime_seconds", GAUGE, OWN(uptime_s)},
    {"connections", "connections now", "connections", GAUGE, STAT(connections)},
    {"subscriptions", "queues being read now", "subscriptions", GAUGE, STAT(subscriptions)},
    {"queues", "queues", "queues", GAUGE, COUNT(queues)},
    {"queues_loaded", "queues in memory", "queues_loaded", GAUGE, STAT(queues_loaded)},
    {"slots", "slots", "slots", GAUGE, COUNT(slots)},
    {"slots_passing", "slots of return phrases", "slots_passing", GAUGE, COUNT(passing)},
    {"vouchers", "vouchers not yet spent", "vouchers", GAUGE, COUNT(vouchers)},
    {"messages_waiting", "messages waiting on disk", "messages_waiting", GAUGE, COUNT(messages)},
    {"file_bytes", "bytes of the database", "database_bytes", GAUGE, COUNT(file_bytes)},
    {"stored_bytes", "bytes of it in use", "stored_bytes", GAUGE, STAT(stored_bytes)},
    {"bytes_in_flight", "bytes of messages in memory", "in_flight_bytes", GAUGE, STAT(bytes_in_flight)},
    {"accepted", "messages accepted since start", "accepted_total", COUNTER, STAT(accepted)},
    {"delivered", "messages delivered since start", "delivered_total", COUNTER, STAT(delivered)},
    {"acknowledged", "messages acknowledged since start", "acknowledged_total", COUNTER, STAT(acknowledged)},
    {"written", "messages that needed the disk", "written_total", COUNTER, STAT(written)},
    {"expired", "messages expired since start", "expired_total", COUNTER, STAT(expired)},
    {"refused", "commands refused since start", "refused_total", COUNTER, STAT(refused)},
    {"no_room", "commands turned away because the disk has no room", "no_room_total", COUNTER, STAT(no_room)},
    {"knocks_held_off", "knocks told to come later because their desk had too many", "knocks_held_off_total",
     COUNTER, STAT(knocks_held_off)},
    {"late_ticks", "answers that waited for the disk", "late_ticks_total", COUNTER, STAT(late_ticks)},
    {"failed_commits", "commits that failed", "failed_commits_total", COUNTER, STAT(failed_commits)},
    {"failed_jobs", "jobs of the disk that failed", "failed_jobs_total", COUNTER, STAT(failed_jobs)},
    {"damaged", "times that something was left out that is damaged", "damaged_total", COUNTER, STAT(damaged)},
    {"marks", "marks of messages that nobody read in time", "marks", GAUGE, COUNT(marks)},
    {"forgotten", "times the journal was emptied", "forgotten_total", COUNTER, STAT(forgotten)},
    {"trouble", "what keeps the relay from writing or none", "trouble", STATE, STAT(trouble)},
    {"trouble_since_utc_s", "since when", NULL, STATE, STAT(trouble_since_utc_s)},
    {"room", "how short room on the disk is", "room", STATE, STAT(room)},
    {"clock_doubted_utc_s", "since when the clock is not believed or never",
     "clock_doubted_timestamp_seconds", STATE, STAT(clock_doubted_utc_s)},
    {"hour", "the hour since 1970 that it goes by", NULL, STATE, STAT(hour)},
    {"keys_volatile", "keys lie in memory only", "keys_volatile", STATE, OWN(keys_volatile)},
    {"sandboxed", "the sandbox is closed", "sandboxed", STATE, OWN(sandboxed)},
    {"memory_locked", "secrets can be locked in memory", "memory_locked", STATE, OWN(memory_locked)},
    {"disk_free_bytes", "bytes free on the disk", "disk_free_bytes", GAUGE, LOCAL(disk_free_bytes)},
    {"certificate_end_utc_s", "when the certificate of the proxy ends or never",
     "certificate_end_timestamp_seconds", STATE, LOCAL(certificate_end_utc_s)},
};

enum { NUMBER_COUNT = sizeof(numbers) / sizeof(numbers[0]) };

/* Those that stand in from, behind what is in out. */
static void encode(const void *from, bool local, char out[STATUS_TEXT_MAX])
{
    size_t used = strlen(out);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        uint64_t v;
        if (numbers[i].local != local)
            continue;
        memcpy(&v, (const char *)from + numbers[i].offset, sizeof(v));
        int len = snprintf(out + used, STATUS_TEXT_MAX - used, "%s %" PRIu64 "\n", numbers[i].name, v);
        if (len < 0 || (size_t)len >= STATUS_TEXT_MAX - used)
            return;
        used += (size_t)len;
    }
}

void status_encode(const struct status_numbers *n, char out[STATUS_TEXT_MAX])
{
    out[0] = '\0';
    encode(n, false, out);
}

void status_add_local(const struct status_local *local, char lines[STATUS_TEXT_MAX])
{
    encode(local, true, lines);
}

bool status_value(const char *lines, const char *name, uint64_t *out)
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
        if (!status_value(lines, numbers[i].name, &values[i]))
            return false;
    return true;
}

bool status_print_words(FILE *out, const char *lines)
{
    uint64_t values[NUMBER_COUNT];
    if (!find_all(lines, values))
        return false;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (numbers[i].kind != STATE)
            fprintf(out, "%12" PRIu64 "  %s\n", values[i], numbers[i].words);
    return true;
}

bool status_print_json(FILE *out, const char *lines)
{
    uint64_t values[NUMBER_COUNT], trouble = TROUBLE_NONE;
    if (!find_all(lines, values))
        return false;
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        fprintf(out, "%s\"%s\": %" PRIu64, i == 0 ? "{" : ", ", numbers[i].name, values[i]);
        if (strcmp(numbers[i].name, "trouble") == 0)
            trouble = values[i];
    }
    fprintf(out, ", \"trouble_words\": \"%s\"}\n", trouble != TROUBLE_NONE ? trouble_words(trouble) : "");
    return true;
}

bool status_print_metrics(FILE *out, const char *lines)
{
    static const char *const kinds[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [STATE] = "gauge"};
    uint64_t values[NUMBER_COUNT];
    if (!find_all(lines, values))
        return false;
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        const struct number *n = &numbers[i];
        if (n->metric != NULL)
            fprintf(out,
                    "# HELP zaguan_relay_%s %s\n# TYPE zaguan_relay_%s %s\nzaguan_relay_%s %" PRIu64 "\n",
                    n->metric, n->words, n->metric, kinds[n->kind], n->metric, values[i]);
    }
    return true;
}
