/* Every limit of the relay, with its defaults, in one place. */
#ifndef RELAY_CORE_LIMITS_H
#define RELAY_CORE_LIMITS_H

#include <stdint.h>

struct limits {
    uint32_t connections;                  /* open at once */
    uint32_t connections_of_address;       /* the same from one address that is not shared */
    uint32_t connects_of_address_a_second; /* in the long run; of ten seconds they may come at once */
    uint32_t subscriptions_of_one;         /* of one connection */
    uint32_t unanswered_of_one; /* commands of one connection that wait for a reply; then it is paused */
    uint32_t commands_a_turn;   /* of one connection in one turn of the loop */
    uint32_t commands_a_second; /* of one connection, and twice as many at once; then it rests */
    uint32_t
        hellos_a_turn; /* handshakes in one turn of the loop: each takes half a millisecond from everybody */
    uint32_t hellos_a_second;  /* of all */
    uint32_t strangers_a_turn; /* commands of all strangers in one turn: who has shown no right to anything */
    uint32_t strangers_a_second; /* the same in one second */
    uint32_t readings_of_one;    /* slot values on their way to one connection */
    uint32_t stall_seconds; /* a record, an upload or a reader that does not get on loses its connection */
    uint32_t sends_of_queue_a_day; /* accepted by one conversation queue */
    uint32_t waiting_of_desk;      /* knocks and messages stored at one desk */
    uint32_t draws_of_desk_a_day;  /* vouchers */
    uint32_t voucher_days;         /* how long a drawn voucher lasts */
    /*
     * Envelopes and slots' values in memory: above it one envelope is read at a time for each reader,
     * SLOT_GET is answered busy and who reads slowly is cut off; so is the oldest of those when what the
     * system did not take from them is more; above twice as much SEND and KNOCK are answered busy.
     */
    uint64_t memory_bytes;
    /*
     * Records and uploads that are unfinished or wait for their turn, of known ones; above it those that do
     * not get on or wait with much are cut off, the oldest first. Strangers have three quarters as much of
     * their own, and are cut off above half of it.
     */
    uint64_t input_bytes;
    uint64_t waiting_bytes; /* commands that wait for the store; above it others are answered busy; slots'
                               values take half of it at most */
    uint32_t
        calm_knocks_a_minute;  /* below it, at a desk less than a quarter full, the puzzle costs nothing */
    uint32_t puzzles_a_second; /* solutions that are looked at */
    uint32_t spent_cookies;    /* remembered; then the oldest are forgotten */
    uint32_t acknowledged;     /* handles remembered for 10 minutes; then the oldest are forgotten */
    uint32_t idle_queues;      /* kept in memory although nobody uses them just now */
    uint32_t counted_queues;   /* whose sends of the day are counted */
    uint32_t purge_rows;       /* deleted in one job when an hour begins */
    uint32_t changes_a_commit; /* of queues, slots and vouchers in one transaction */
    uint32_t writes_of_slot_a_day;    /* values */
    uint32_t slots;                   /* that are not lasting, each up to 61 KiB of disk */
    uint32_t knocks_of_desk_a_minute; /* in the long run; of ten minutes they may come at once */
    uint64_t stored_bytes; /* of the database in use: all messages, queues and slots; see room.h. An envelope
                              has one size, so this bounds messages too. Of one conversation queue
                              sends_of_queue_a_day bounds both, and nothing that depends on its reader */
};

/* The defaults. */
struct limits limits_default(void);

/* Puzzle effort (0 to WIRE_EFFORT_MAX) for a desk with `waiting` stored and `knocks` in the last minute. */
uint8_t limits_effort(const struct limits *l, uint32_t waiting, uint32_t knocks);

#endif
