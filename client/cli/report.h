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
void report_conversation_json(struct text *out, const zg_conversation *c, const char *language);
/* {"event":"notice",...} */
void report_notice_json(struct text *out, const zg_id *conversation, const zg_notice *n);
/* {"event":"error",...}: an action on this side did not work. */
void report_error_json(struct text *out, zg_err err, const char *what);

/* A sentence without line end; nothing where there is nothing to say. */
void report_event_words(struct text *out, const zg_client *c, const zg_event *e, const char *language);
/* "word word word word" */
void report_safety_words(struct text *out, const zg_conversation *c, const char *language);
/* "waits for an answer" */
const char *report_state(zg_conversation_state state);
/* Whether a message that was not sent for this reason is tried again by itself. */
bool report_tried_again(zg_err err);

#endif
