#define _GNU_SOURCE
#include "relay/edge/alarms.h"

#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "relay/edge/certificate.h"
#include "relay/edge/folder.h"
#include "relay/edge/watch.h"

enum { DAY_S = 24 * 3600 };

void alarms_look(struct alarms *a)
{
    struct config config;
    struct statvfs disk;

    memset(a, 0, sizeof(*a));
    a->now_utc_s = (uint64_t)time(NULL);
    if (statvfs(".", &disk) == 0)
        a->local.disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (config_read(&config, FOLDER_CONFIG, a->config_trouble, sizeof(a->config_trouble)) != ZG_OK)
        config_default(&config);
    else
        a->config_trouble[0] = '\0';
    a->disk_low_bytes = config.disk_low_bytes;
    a->slots = config.limits.slots;
    a->stored_bytes = config.limits.stored_bytes;
    if (config.web_certificate[0] != '\0' &&
        certificate_end(config.web_certificate, &a->local.certificate_end_utc_s, a->certificate_trouble,
                        sizeof(a->certificate_trouble)))
        a->certificate_trouble[0] = '\0';
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

static uint64_t value(const char *lines, const char *name)
{
    uint64_t v = 0;
    (void)status_value(lines, name, &v);
    return v;
}

static unsigned of_the_relay(FILE *out, const char *lines)
{
    uint64_t trouble = value(lines, "trouble"), doubted = value(lines, "clock_doubted_utc_s");
    char when[32];
    unsigned n = 0;

    if (trouble != TROUBLE_NONE) {
        fprintf(out,
                "Trouble: %s since %s. What needs writing is answered busy; what was accepted is kept.\n",
                trouble_words(trouble), moment(value(lines, "trouble_since_utc_s"), when));
        n++;
    }
    if (doubted != 0) {
        fprintf(out,
                "The clock is not believed since %s, because it jumped by more than a day. Hours are counted "
                "without it. Set it right; if it is right, restart the relay with --believe-clock.\n",
                moment(doubted, when));
        n++;
    }
    if (value(lines, "damaged") != 0) {
        fputs("Something in the database is damaged, was left out and counts as not read. Look at the disk "
              "(dmesg, smartctl).\n",
              out);
        n++;
    }
    return n;
}

static unsigned of_the_disk(FILE *out, const struct alarms *a)
{
    if (a->local.disk_free_bytes >= a->disk_low_bytes)
        return 0;
    fprintf(out,
            "The disk is almost full: %" PRIu64 " MiB are free, less than the %" PRIu64
            " of disk-free. Make room: when it is full nothing can be accepted.\n",
            a->local.disk_free_bytes >> 20, a->disk_low_bytes >> 20);
    return 1;
}

/* As the relay judges it, by the configuration with which it was started. */
static unsigned of_the_room(FILE *out, const struct alarms *a, const char *lines)
{
    static const char *const words[] = {
        [ROOM_LOW] = "nobody new is let in: knocks and new return phrases are turned away",
        [ROOM_NONE] = "no message is accepted, though those for connected readers are delivered"};
    uint64_t room = value(lines, "room");

    if (room != ROOM_LOW && room != ROOM_NONE)
        return 0;
    fprintf(out,
            "Room runs short: %" PRIu64 " of the %" PRIu64
            " MiB of disk-mib are in use, and %s. What is read or expires makes room. If it is no flood and "
            "the disk has room, set disk-mib higher and restart the relay.\n",
            (value(lines, "stored_bytes") + (1 << 19)) >> 20, a->stored_bytes >> 20, words[room]);
    return 1;
}

static unsigned of_the_slots(FILE *out, const struct alarms *a, const char *lines)
{
    uint64_t used = value(lines, "slots_passing");

    if (used * 4 < (uint64_t)a->slots * 3)
        return 0;
    fprintf(out,
            "Places for return phrases run short: %" PRIu64 " of the %" PRIu32
            " of slots are taken. When all are, nobody new gets one. If it is no flood, set slots higher: "
            "each takes up to 61 KiB of disk.\n",
            used, a->slots);
    return 1;
}

static unsigned of_the_certificate(FILE *out, const struct alarms *a)
{
    uint64_t end = a->local.certificate_end_utc_s;
    char when[32];

    if (a->certificate_trouble[0] != '\0')
        fprintf(out, "The certificate of the proxy cannot be looked at: %s\n", a->certificate_trouble);
    else if (end != 0 && end <= a->now_utc_s)
        fprintf(out,
                "The certificate of the proxy ended on %s: browsers do not open the page. Renew it now.\n",
                moment(end, when));
    else if (end != 0 && end < a->now_utc_s + CERTIFICATE_DAYS * DAY_S)
        fprintf(out, "The certificate of the proxy ends on %s. Look why it was not renewed.\n",
                moment(end, when));
    else
        return 0;
    return 1;
}

static unsigned of_the_configuration(FILE *out, const struct alarms *a)
{
    if (a->config_trouble[0] == '\0')
        return 0;
    fprintf(out, "%s. With that the relay does not start again.\n", a->config_trouble);
    return 1;
}

unsigned alarms_print(FILE *out, const struct alarms *a, const char *lines)
{
    return of_the_relay(out, lines) + of_the_disk(out, a) + of_the_room(out, a, lines) +
           of_the_slots(out, a, lines) + of_the_certificate(out, a) + of_the_configuration(out, a);
}
