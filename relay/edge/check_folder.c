#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>

#include "relay/edge/admin.h"
#include "relay/edge/alarms.h"
#include "relay/edge/check.h"
#include "relay/edge/control.h"
#include "relay/edge/folder.h"
#include "relay/edge/keys.h"
#include "relay/edge/status.h"

enum { BACKUP_DAYS = 30, DAY_S = 24 * 3600 };

/* Links lead to files that are not the relay's. */
static void check_files(struct report *r)
{
    DIR *here = opendir(".");
    const struct dirent *entry;
    unsigned open_files = 0;
    struct stat st;

    while (here != NULL && (entry = readdir(here)) != NULL) {
        if (entry->d_name[0] == '.' || lstat(entry->d_name, &st) != 0 || S_ISLNK(st.st_mode))
            continue;
        if ((st.st_mode & 077) == 0)
            continue;
        report(r, FOUND_BAD, "Others may look into %s. Say: chmod go-rwx %s", entry->d_name, entry->d_name);
        open_files++;
    }
    if (here != NULL)
        closedir(here);
    if (open_files == 0)
        report(r, FOUND_GOOD, "Nobody else may look into the folder and its files.");
}

static bool listens_here_only(const struct config *config)
{
    for (size_t i = 0; i < config->listen_count; i++)
        if (strncmp(config->listen[i].host, "127.", 4) != 0 && strcmp(config->listen[i].host, "::1") != 0)
            return false;
    return true;
}

static void check_addresses(struct report *r, const struct config *config)
{
    if (config->address[0] == '\0')
        report(r, FOUND_BAD, "relay.conf says no `address': cards need one under which the relay is found.");
    else
        report(r, FOUND_GOOD, "Cards name %s.", config->address);
    if (listens_here_only(config) && strstr(config->address, ".onion:") == NULL)
        report(r, FOUND_NOTE,
               "It listens for this machine only, which is right behind an onion service or a forwarder.");
}

static void check_keys(struct report *r, const struct config *config)
{
    bool swap = swap_in_use("/proc/swaps"), in_memory = on_memory(config->keys);

    if (in_memory && swap)
        report(r, FOUND_BAD,
               "Keys lie in memory, but swap is on: the relay does not start. Say: swapoff -a, and take "
               "it out of /etc/fstab.");
    else if (swap)
        report(r, FOUND_NOTE,
               "Swap is on: what the relay has in memory may get to the disk. Turn it off, or encrypt it.");
    else
        report(r, FOUND_GOOD, "Swap is off.");
    if (in_memory)
        report(r, FOUND_GOOD, "Keys of what waits lie in memory: an unplugged server opens none of it.");
    else
        report(r, FOUND_NOTE,
               "Keys of what waits lie on a disk: encrypt it, or read \"Keys in memory\" in operate.md.");
}

/* What the database may still grow by, beside what must stay free. */
static void check_room(struct report *r, const struct config *config)
{
    struct alarms alarms;
    struct stat st;
    alarms_look(&alarms);
    uint64_t has = stat(FOLDER_DATABASE, &st) == 0 ? (uint64_t)st.st_size : 0;
    uint64_t most = config->limits.stored_bytes, free_bytes = alarms.local.disk_free_bytes;
    uint64_t wants = (most > has ? most - has : 0) + config->disk_low_bytes;

    if (wants > free_bytes)
        report(
            r, FOUND_NOTE,
            "The disk may be full before disk-mib is used up: %llu MiB are free, and %llu may be wanted. Set "
            "disk-mib lower, or make room.",
            (unsigned long long)(free_bytes >> 20), (unsigned long long)(wants >> 20));
    else
        report(r, FOUND_GOOD, "The disk has room for the %llu MiB of disk-mib.",
               (unsigned long long)(most >> 20));
}

static void check_backup(struct report *r)
{
    struct stat st;
    if (stat(FOLDER_BACKED_UP, &st) != 0) {
        report(r, FOUND_BAD,
               "No backup was made. Without its key the relay cannot be set up again: zaguan-relay backup");
        return;
    }
    long days = (long)((time(NULL) - st.st_mtime) / DAY_S);
    report(r, days > BACKUP_DAYS ? FOUND_NOTE : FOUND_GOOD, "The last backup was made %ld days ago.", days);
}

/* Whether something on this machine sets its clock, as far as the kernel knows. */
static void check_clock(struct report *r)
{
    struct timex t = {.modes = 0};
    if (adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0)
        report(r, FOUND_GOOD, "The clock of this machine is kept right from outside.");
    else
        report(r, FOUND_NOTE,
               "Nothing seems to set the clock of this machine: install an NTP client (systemd-timesyncd).");
}

/* One finding for each sentence of the alarms. */
static void report_alarms(struct report *r, const struct alarms *alarms, const char *lines)
{
    char *text = NULL, *rest = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return;
    (void)alarms_print(out, alarms, lines);
    if (fclose(out) == 0)
        for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
            report(r, FOUND_BAD, "%s", line);
    free(text);
}

static void check_running(struct report *r)
{
    char lines[ADMIN_ANSWER_MAX];
    struct alarms alarms;
    uint64_t v;

    enum control_result result = control_ask("status", CONTROL_PATIENCE_S, lines, sizeof(lines));
    if (result != CONTROL_OK) {
        report(r, FOUND_BAD,
               "No relay runs in the folder, or it does not answer. Say: systemctl start zaguan-relay");
        lines[0] = '\0';
    } else {
        report(r, FOUND_GOOD, "The relay runs.");
        if (status_value(lines, "sandboxed", &v) && v == 0)
            report(r, FOUND_NOTE, "It runs without its sandbox; the log says why.");
        if (status_value(lines, "memory_locked", &v) && v == 0)
            report(r, FOUND_BAD, "It cannot lock secrets in memory: raise LimitMEMLOCK, to 64M.");
    }
    alarms_look(&alarms);
    report_alarms(r, &alarms, lines);
}

void check_folder(struct report *r, const struct config *config)
{
    check_files(r);
    check_addresses(r, config);
    check_keys(r, config);
    check_room(r, config);
    check_backup(r);
    check_clock(r);
    check_running(r);
}
