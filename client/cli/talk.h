/*
 * One conversation with a person or a script at this end: what `zaguan chat` and `zaguan knock` share.
 *
 * Happy path: vault loaded -> (chat: what is kept is shown) -> lines come in and are sent, events are shown, messages that
 * vanish are said -> standard input ends, or /quit -> own messages are accepted by the relay -> end. For a participant the
 * first line is the knock. Failures: an action that did not work is said and the conversation goes on; a knock that
 * failed, a vault that cannot be read, and a relay that does not take the last messages in time end it.
 */
#ifndef CLIENT_CLI_TALK_H
#define CLIENT_CLI_TALK_H

#include "client/cli/editor.h"
#include "client/cli/input.h"
#include "client/cli/prompt.h"
#include "client/cli/screen.h"
#include "client/cli/session.h"

struct talk_options {
    const struct common *common;
    zg_vault *vault;          /* taken; NULL: a participant, in memory */
    const char *prefix;       /* of the conversation's id; NULL: a participant */
    struct secret_line *card; /* of a participant; taken */
    zg_send_options send;
    uint32_t limit_s; /* own limit of the conversation; 0: as it is */
};

/* An exit code. */
int talk_run(const struct talk_options *options);

/* --- inside --- */

enum talk_mode { TALK_PLAIN, TALK_JSON, TALK_SCREEN };

struct talk {
    struct session session;
    const struct common *common;
    enum talk_mode mode;
    const char *prefix;
    struct secret_line *card;
    zg_send_options send;
    uint32_t limit_s;
    uint32_t lowered_to_s; /* said last */
    bool has_conversation;
    zg_id conversation;
    bool notice_shown;
    struct input input;
    bool input_ended;
    bool erasing;        /* the relay has still to be told */
    bool refused;        /* something was not sent and will not be */
    char farewell[256];  /* said when the terminal is put right */
    struct screen screen;
    struct editor editor;
    uv_timer_t tick;
    uv_signal_t resized;
    struct text out;
};

/* Words of the program's own to the person; nothing for a script. */
void talk_note(struct talk *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An action on this side that did not work, to person or script. */
void talk_error(struct talk *t, zg_err err, const char *what);
/* Writes out what gathered. */
void talk_show(struct talk *t);
/* Leaves, once what was sent is accepted. */
void talk_finish(struct talk *t);
/* Sets the own limit of the conversation that was asked for. */
void talk_limit(struct talk *t);
/* Erases the conversation; ends when the relay was told. */
void talk_erase(struct talk *t);
/* The whole of what is kept, or one message, with reading it. */
void talk_show_kept(struct talk *t);
void talk_show_event(struct talk *t, const zg_event *e);
/* The person's own note of this conversation, if there is one. */
void talk_show_note(struct talk *t);

/* A line of the person: words or a /command. */
void talk_line(struct talk *t, const char *line, size_t len);

#endif
