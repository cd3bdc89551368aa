#define _GNU_SOURCE
#include "relay/edge/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/edge/folder.h"
#include "relay/edge/log.h"

enum { SILENT_MS = 60 * 1000, ROOM_SILENT_MS = 3600 * 1000, HOUR_TEXT = 11 };

const char *trouble_words(uint64_t trouble)
{
    switch (trouble) {
    case TROUBLE_FULL:
        return "the disk is full";
    case TROUBLE_READ_ONLY:
        return "the disk cannot be written";
    case TROUBLE_MEMORY:
        return "there is too little memory";
    default:
        return "the disk does not work, or the database is damaged";
    }
}

static void watch_trouble(struct watch *w, const struct relay_stats *stats, uint64_t mono_ms)
{
    if (stats->trouble == w->trouble || (w->trouble == TROUBLE_NONE && mono_ms < w->silent_to))
        return;
    if (stats->trouble != TROUBLE_NONE)
        log_line(LOG_ERROR, "%s: what needs writing is answered busy until it can be written again",
                 trouble_words(stats->trouble));
    else
        log_line(LOG_INFO, "what needs writing is written again; nothing that was accepted was lost");
    w->trouble = stats->trouble;
    w->silent_to = mono_ms + SILENT_MS;
}

/* Worse is said at once, better after a while: what is deleted and sent goes up and down. */
static void watch_room(struct watch *w, const struct relay_stats *stats, uint64_t mono_ms)
{
    if (stats->room == w->room || (stats->room < w->room && mono_ms < w->room_to))
        return;
    if (stats->room == ROOM_NONE)
        log_line(LOG_ERROR, "the room of disk-mib is used up: messages are delivered, but none is accepted");
    else if (stats->room == ROOM_LOW)
        log_line(LOG_WARNING, "three quarters of the room of disk-mib are used: nobody new is let in");
    else
        log_line(LOG_INFO, "there is room again");
    w->room = stats->room;
    w->room_to = mono_ms + ROOM_SILENT_MS;
}

static void watch_damage(struct watch *w, const struct relay_stats *stats)
{
    if (stats->damaged == 0 || w->damaged)
        return;
    log_line(LOG_ERROR, "something in the database is damaged: what does not open is left out and counts as "
                        "not read, the rest is delivered; look at the disk, `status' counts");
    w->damaged = true;
}

static void watch_clock(struct watch *w, const struct relay_stats *stats)
{
    if (stats->clock_doubted_utc_s == w->doubted)
        return;
    if (stats->clock_doubted_utc_s != 0)
        log_line(LOG_WARNING, "the clock jumped by more than a day: it is not believed, hours are counted "
                              "without it; set it right, or start with --believe-clock if it is right");
    else
        log_line(LOG_INFO, "the clock is believed again");
    w->doubted = stats->clock_doubted_utc_s;
}

/* In place: a disk that is full takes it, too, and a write that is torn is no number. */
static void keep_hour(struct watch *w, uint64_t hour)
{
    char text[HOUR_TEXT + 1];
    if (hour == w->hour)
        return;
    w->hour = hour;
    int fd = open(FOLDER_HOUR, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    snprintf(text, sizeof(text), "%010u\n", (unsigned)hour);
    if (pwrite(fd, text, HOUR_TEXT, 0) != HOUR_TEXT)
        w->hour = 0;
    close(fd);
}

void watch_turn(struct watch *w, const struct relay_stats *stats, uint64_t mono_ms)
{
    watch_trouble(w, stats, mono_ms);
    watch_room(w, stats, mono_ms);
    watch_damage(w, stats);
    watch_clock(w, stats);
    keep_hour(w, stats->hour);
}

uint32_t watch_known_hour(void)
{
    char text[HOUR_TEXT + 1] = "";
    int fd = open(FOLDER_HOUR, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, HOUR_TEXT);
    close(fd);
    if (n != HOUR_TEXT || strspn(text, "0123456789") != HOUR_TEXT - 1)
        return 0;
    unsigned long hour = strtoul(text, NULL, 10);
    return hour <= UINT32_MAX ? (uint32_t)hour : 0;
}
