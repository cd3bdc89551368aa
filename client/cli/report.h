/* What happens, said to a script (one JSON object a line) or to a person. zaguan(1) documents the names. */
#ifndef CLIENT_CLI_REPORT_H
#define CLIENT_CLI_REPORT_H

#include <zaguan/client.h>

#include "client/cli/text.h"

/* {"event":...} with what belongs to this event, and a line end. */
void report_event_json(struct text *out, const zg_client *c, const zg_event *e, const char *language);
/* {"event":"message",...}: one that is kept. */
void report_message_json(struct text *out, const zg_id *conversation, const zg_message *m);
/* {"event":"conversation",...} */
void report_conversation_json(struct text *out, const zg_client *client, const zg_conversation *c, const char *language);
/* Own messages of a conversation that expired unread, as far as nobody has read that they did. */
unsigned report_count_expired_unread(const zg_client *c, const zg_id *conversation);
/* {"event":"notice",...} */
void report_note_json(struct text *out, const zg_id *conversation, const char *text);
void report_notice_json(struct text *out, const zg_id *conversation, const zg_notice *n);
/* {"event":"error",...}: an action on this side did not work. */
void report_error_json(struct text *out, zg_err err, const char *what);

/* A sentence without line end; nothing where there is nothing to say. */
void report_event_words(struct text *out, const zg_client *c, const zg_event *e, const char *language);
/* The same to standard error, as the program's own words. */
void report_say(const zg_client *c, const zg_event *e);
/* "word word word word" */
void report_safety_words(struct text *out, const zg_conversation *c, const char *language);
/* "waits for an answer" */
const char *report_state(zg_conversation_state state);
/* "a message of yours was not read in time; it is gone" */
extern const char report_expired_unread[];
/* What a person reads of m: its text, or words in its place. */
void report_body(struct text *out, const zg_message *m);
/* Whether m stands for an own message that expired unread and has no words any more. */
bool report_is_stub(const zg_message *m);
/* Whether a message that was not sent for this reason is tried again by itself. */
bool report_tried_again(zg_err err);

#endif
