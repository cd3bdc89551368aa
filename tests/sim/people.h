/*
 * Who talks with whom: a worker at a desk, and women who knock, talk, go away for days, come back, erase and knock again;
 * and of everything that was said, what is known of it from outside.
 */
#ifndef TESTS_SIM_PEOPLE_H
#define TESTS_SIM_PEOPLE_H

#include "tests/sim/world.h"

enum { WOMEN_MAX = WORLD_CLIENTS_MAX - 1, TALKS_MAX = 1024, TEXT_MAX = 6000 };

/* One message. Times are of the true clock; 0: has not happened. */
struct said {
    zg_id id; /* the sender's */
    uint64_t at_ms;
    uint64_t accepted_ms, got_ms;
    uint64_t read_ms;
    uint64_t class_ms;
    uint64_t relay_until; /* by the relay's clock: it keeps it until then at least */
    uint64_t sent_until;  /* after sent: its reader does not show it from then on */
    uint64_t sender_until, reader_until; /* their copies are gone then */
    uint64_t unread_until; /* reader_until, had nobody read it */
    uint64_t part_ms; /* of its reader's own limit: so long a first part waits there for the others; 0: it has one only */
    uint32_t lifetime_s;
    zg_lifetime_from from;
    bool got;
    bool again;   /* a crash may have taken that back */
    bool excused; /* nobody promised that it arrives */
    bool unsaid;  /* a crash took it before it left */
    bool certain; /* the relay knows that it was read */
    bool smooth;  /* sent in one piece, once */
    bool unread;  /* its sender was told that it expired unread */
};

/* What one side says in a talk; messages are numbered from 1. */
struct line {
    char who;
    struct said *said; /* number n at n - 1 */
    uint32_t count, cap;
    uint32_t heard; /* highest number that arrived */
    uint32_t arrived;
};

enum erase { ERASE_NOT, ERASE_ASKED, ERASE_DONE };

/* One conversation. */
struct talk {
    uint32_t number;
    struct peer *she;
    zg_id hers, his;
    bool known;    /* to the worker */
    bool over;     /* somebody ended it, or it never began: nothing more is promised */
    bool loose;    /* what the relay knows of it may be gone: a copy of former times was put back */
    uint64_t began_ms, open_ms;
    uint64_t erased_ms; /* the first erase was confirmed */
    enum erase her_erase, his_erase;
    struct line from_her, from_worker;
};

struct people {
    struct world world;
    zg_organisation *organisation;
    struct peer *worker, *women[WOMEN_MAX];
    uint32_t women_count;
    char card[1024];
    struct talk *talks[TALKS_MAX];
    uint32_t talk_count;
    unsigned kinds;       /* of faults, see faults.h */
    bool troubled;        /* a store that failed, or had no room, may have had messages overtaken: then only the order shown counts */
    uint64_t skew_max_ms; /* of clients' clocks, in any direction */
    int64_t relay_ahead_ms; /* the hour that the relay goes by, before the true one */
    uint64_t relay_wild_ms; /* since when its clock is decades ahead; 0: it is not */
    bool relay_clock_touched;
    uint64_t relay_skew_max_ms;
    struct disk_copy *copy;
    uint64_t copy_ms;
    uint32_t copy_hour;
    uint64_t restored_ms; /* the last time */
    bool restored;
    uint32_t checks;
    bool failed;
};

/* Desk and women, and a first card. */
void people_open(struct people *p, const struct world_options *options);
void people_close(struct people *p);
/* Lets time pass. */
void people_settle(struct people *p, uint64_t ms);
/* Somebody does something that people do. */
void people_act(struct people *p);
/* The newest talk of hers that is not over; NULL: none. */
struct talk *people_talk_of(struct people *p, const struct peer *she);
void people_knock(struct people *p, struct peer *she);
void people_say(struct people *p, struct talk *t, bool worker);
void people_erase(struct people *p, struct talk *t, bool worker);
/* The credential is renewed before it ends. */
void people_renew(struct people *p);

/* "h 3 17 xxxx": who says it, in which talk, the how-manieth, and a length of its own. */
size_t people_compose(char *out, size_t cap, char who, uint32_t talk, uint32_t number, size_t length);
/* What a text is; NULL: nobody said it. */
struct said *people_find(struct people *p, const char *text, struct talk **talk, struct line **line, uint32_t *number);
struct talk *people_talk_by_id(struct people *p, const struct peer *who, const zg_id *id);

/* The beginning of the hour that the relay goes by. */
uint64_t people_relay_ms(struct people *p);
/* Nobody answered it in its time. */
bool people_knock_is_over(struct people *p, const struct talk *t);

/* An invariant does not hold. */
void people_fail(struct people *p, const char *what, const struct talk *t, uint32_t number);
/* The same of what only a relay that is no enemy can keep. */
void people_broken_promise(struct people *p, const char *what, const struct talk *t, uint32_t number);

#endif
