/*
 * The relay's log: lines on stderr, "2024-05-01T08:15Z level words". Only what an operator can act on.
 *
 * Never an address of a peer, a name, a key or an identifier, and minutes are as fine as it gets: a log that
 * is seized must not tell who was there when.
 */
#ifndef RELAY_EDGE_LOG_H
#define RELAY_EDGE_LOG_H

enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR };

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void log_line(enum log_level level, const char *format, ...);

#endif
