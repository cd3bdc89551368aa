/*
 * What an operator has to do something about, in sentences that say what. Judged by who asks for the status,
 * in the relay's folder, from what the relay said and from what can be seen there.
 */
#ifndef RELAY_EDGE_ALARMS_H
#define RELAY_EDGE_ALARMS_H

#include <stdint.h>
#include <stdio.h>

#include "relay/edge/config.h"
#include "relay/edge/status.h"

enum { CERTIFICATE_DAYS = 10 /* with fewer left its renewal has failed */ };

struct alarms {
    uint64_t now_utc_s;
    uint64_t disk_low_bytes;
    uint32_t slots;        /* that there may be */
    uint64_t stored_bytes; /* that may be in use */
    struct status_local local;
    char config_trouble[400];      /* empty: none */
    char certificate_trouble[300]; /* empty: none */
};

/* Looks at the current folder: its disk, its configuration, and the certificate that this one names. */
void alarms_look(struct alarms *a);
/* Prints a sentence for each that stands; how many. lines: of the relay's status. */
unsigned alarms_print(FILE *out, const struct alarms *a, const char *lines);

#endif
