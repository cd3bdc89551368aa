/*
 * Idle ends (docs/protocol.md section 4): the store knows the week with whose beginning a queue is gone
 * unless it is used. Here is seen to it that it hears of the use: once a week when somebody sends or
 * subscribes; and for who stays subscribed, some time in each week, spread over its hours. A failure is made
 * good with the next use.
 */
#ifndef RELAY_CORE_TOUCH_H
#define RELAY_CORE_TOUCH_H

#include <stdbool.h>
#include <stdint.h>

struct relay;
struct queue;
struct store_write;

/* Somebody sent to it, or subscribes. */
void touch_used(struct relay *r, struct queue *q, bool sent);
/* As if somebody had sent to it, but what is about to be written says so itself. */
void touch_answered(struct relay *r, uint64_t id);
/* A TOUCH or QUEUE_NAMES that was committed. */
void touch_written(struct relay *r, const struct store_write *write);
/* An hour has begun: queues with a reader stay, those whose week has come leave memory. */
void touch_hour(struct relay *r);

#endif
