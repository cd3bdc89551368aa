/*
 * One TCP connection that carries records of docs/protocol.md section 2.2, for the load generator and the bare server.
 *
 * Three modes: the records in the clear; encrypted under keys that everybody knows (the cost of encryption without a handshake);
 * after the handshake of section 2.1, as towards a relay. What is read and written is the same in each, but for the 16 bytes
 * of a tag.
 *
 * Reads go into one buffer of the yard. Once in each turn of the loop every cable that was marked is asked to fill records,
 * which are encrypted into a buffer of the yard and written with one system call.
 */
#ifndef BENCH_CABLE_H
#define BENCH_CABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "proto/noise.h"
#include "proto/record.h"

enum cable_mode { CABLE_PLAIN, CABLE_CRYPT, CABLE_NOISE };

enum {
    YARD_READ_BYTES = 256 * 1024,
    YARD_WRITE_BYTES = 256 * 1024,
    /* Of a record that is only skimmed, the first bytes of each unit are decrypted: enough for a DELIVER's fields and stamp. */
    CABLE_SKIM_BYTES = 128,
    /* Of 16 records one is read and authenticated whole even when skimming. */
    CABLE_SKIM_PERIOD = 16,
};

struct cable;

struct cable_events {
    /* Ready to carry records. */
    void (*open)(struct cable *c);
    /* A unit; borrowed until return. false: it makes no sense, the cable is cut. */
    bool (*heard)(struct cable *c, struct span unit);
    /* Adds units as long as there are some and they fit. Called again until it adds nothing. */
    void (*fill)(struct cable *c, struct record_writer *r);
    /* The connection ended by itself or could not be made; why is a static sentence. Called once, then free(c) is safe. */
    void (*lost)(struct cable *c, const char *why);
    /* cable_close is done; free(c) is safe. May be NULL. */
    void (*closed)(struct cable *c);
};

/* What the cables of one loop share. About 600 KiB: on the heap or static. */
struct yard {
    uv_loop_t *loop;
    enum cable_mode mode;
    bool skim; /* read most large records only in part, to spare the load generator's core */
    uint8_t relay_pk[NOISE_KEY_BYTES];
    struct cable *marked;
    uv_prepare_t prepare;
    uv_check_t check;
    uint16_t settle_ms;               /* the relay's tick, as its welcome says */
    uint64_t bytes_in, bytes_out;     /* of all cables: records with their lengths, no TCP */
    uint64_t records_in, records_out;
    uint8_t read_buf[YARD_READ_BYTES];
    uint8_t write_buf[YARD_WRITE_BYTES];
    uint8_t plain[WIRE_RECORD_PLAIN_MAX];
};

struct cable {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    uv_write_t writing;
    struct yard *yard;
    const struct cable_events *events;
    struct noise_cipher in, out;
    struct noise_handshake *hs; /* only while it lasts */
    uint8_t *held;              /* the beginning of a record; NULL most of the time */
    size_t held_len;
    uint8_t *unsent;            /* what the socket did not take yet */
    struct cable *next_marked;
    bool is_open, is_marked, is_closing;
    const char *why; /* of its loss */
};

/* Starts the turn's end; the loop stays alive by the cables only. */
void yard_init(struct yard *y, uv_loop_t *loop, enum cable_mode mode);
void yard_close(struct yard *y);

/* 0 or a UV_ error. from: the local address, NULL: any. The cable is zeroed by the caller's calloc. */
int cable_connect(struct cable *c, struct yard *y, const struct cable_events *events, const struct sockaddr *to,
                  const struct sockaddr *from);
/* The server's end; not in mode CABLE_NOISE. open is not called. */
int cable_accept(struct cable *c, struct yard *y, const struct cable_events *events, uv_stream_t *listener);

/* Has something to say: fill is called before the loop sleeps. */
void cable_mark(struct cable *c);
void cable_close(struct cable *c);

#endif
