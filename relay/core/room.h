/*
 * Whether the disk has room for more. How many bytes of the database are in use the store says with every
 * commit and purge, so nothing is counted here, and it is right after whatever happened before.
 *
 * ROOM_LOW: three quarters are used. Nobody new is let in: knocks and new slots that do not last are answered
 * full. What is left is for those who talk already.
 *
 * ROOM_NONE: all is used. New queues and lasting slots, and lasting values that grow, are answered full.
 * Every SEND is answered busy, also one whose reader has it already: it is delivered as ever, but an ok would
 * tell that somebody reads. What makes room goes on: reading, ACK, CANCEL, deletions. So do values of slots
 * that do not last, without which nobody with a locker could acknowledge; `slots` bounds them.
 *
 * Whoever could fill the disk to the last message but one would see by the next whether another one was
 * stored, that is, whether its reader is there. So where these marks lie nobody knows: up to a thirty-second
 * lower, at random, and elsewhere each time that one was passed; and as much again has to be free before it
 * counts as room.
 */
#ifndef RELAY_CORE_ROOM_H
#define RELAY_CORE_ROOM_H

#include "relay/core/relay.h"

struct store_job;

struct room_marks {
    uint64_t lower; /* by so many bytes the marks are lower than the limits say */
    uint8_t now;    /* enum room */
};

void room_init(struct relay *r);
enum room room_now(const struct relay *r);
/* Of every job that is done. */
void room_note(struct relay *r, const struct store_job *job);

#endif
