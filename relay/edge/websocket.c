#define _GNU_SOURCE
#include "relay/edge/websocket.h"

#include <assert.h>
#include <sha1.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>


enum {
    CONTROL_MAX = 125, /* payload of pings and closes */
    HEADER_MAX = 14,
    CODE_NONE = 0,
};

struct websocket {
    struct stream *stream;
    struct session *session;
    const struct websocket_options *options;
    wslay_frame_context_ptr frames;
    struct span in;       /* of what is being read, the rest */
    size_t gathered;      /* payload in the scratch */
    uint64_t frame_at;    /* payload of this frame so far */
    uint64_t message_len; /* of this message, with this frame */
    bool in_message;
    bool session_waits;
    bool pong_due;
    bool all_out; /* what the last frame's writing gave */
    uint8_t control[CONTROL_MAX], pong[CONTROL_MAX], header[HEADER_MAX];
    size_t pong_len, header_len;
};

/* --- frames out --- */

/* wslay's: a header, then its payload. They leave together. */
static ssize_t on_send(const uint8_t *data, size_t len, int flags, void *user)
{
    struct websocket *ws = user;
    struct span header = {ws->header, ws->header_len}, piece = {data, len};

    if (flags & WSLAY_MSG_MORE) {
        assert(len <= HEADER_MAX);
        memcpy(ws->header, data, len);
        ws->header_len = len;
        return (ssize_t)len;
    }
    ws->all_out = stream_write(ws->stream, header, piece);
    ws->header_len = 0;
    return (ssize_t)len;
}

/* false: not all of it is out. */
static bool write_frame(struct websocket *ws, uint8_t opcode, const uint8_t *data, size_t len)
{
    struct wslay_frame_iocb frame = {
        .fin = 1, .opcode = opcode, .payload_length = len, .data = data, .data_length = len};
    ssize_t n = wslay_frame_send(ws->frames, &frame);
    assert(n == (ssize_t)len);
    (void)n;
    return ws->all_out;
}

static void write_close(struct websocket *ws, uint16_t code)
{
    const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    (void)write_frame(ws, WSLAY_CONNECTION_CLOSE, payload, code == CODE_NONE ? 0 : sizeof(payload));
}

/* One at a time: only the newest ping needs an answer (section 5.5.3). */
static void write_pong(struct websocket *ws)
{
    if (!ws->pong_due || stream_waits(ws->stream))
        return;
    ws->pong_due = false;
    (void)write_frame(ws, WSLAY_PONG, ws->pong, ws->pong_len);
}

/* --- the end --- */

static void free_websocket(struct websocket *ws)
{
    wslay_frame_context_free(ws->frames);
    free(ws);
}

/* For us: the session goes, then the stream. */
static void close_with(struct websocket *ws, uint16_t code)
{
    struct stream *stream = ws->stream;
    write_close(ws, code);
    session_close(ws->session);
    free_websocket(ws);
    stream_end(stream);
}

/* --- frames in --- */

static ssize_t on_recv(uint8_t *buf, size_t cap, int flags, void *user)
{
    struct websocket *ws = user;
    size_t n = ws->in.len < cap ? ws->in.len : cap;
    (void)flags;
    if (n == 0)
        return 0;
    memcpy(buf, ws->in.at, n);
    ws->in.at += n;
    ws->in.len -= n;
    return (ssize_t)n;
}

/* The code with which it is refused, or CODE_NONE. */
static uint16_t begin_frame(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    if (!frame->mask || frame->rsv != 0)
        return WSLAY_CODE_PROTOCOL_ERROR;
    switch (frame->opcode) {
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return CODE_NONE;
    case WSLAY_TEXT_FRAME:
        return WSLAY_CODE_UNSUPPORTED_DATA;
    case WSLAY_BINARY_FRAME:
    case WSLAY_CONTINUATION_FRAME:
        break;
    default:
        return WSLAY_CODE_PROTOCOL_ERROR;
    }
    if (ws->in_message != (frame->opcode == WSLAY_CONTINUATION_FRAME))
        return WSLAY_CODE_PROTOCOL_ERROR;
    if (frame->payload_length > WEBSOCKET_MESSAGE_MAX - ws->message_len)
        return WSLAY_CODE_MESSAGE_TOO_BIG;
    ws->in_message = true;
    ws->message_len += frame->payload_length;
    return CODE_NONE;
}

static void keep_payload(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    if (frame->data_length == 0)
        return;
    if (wslay_is_ctrl_frame(frame->opcode)) {
        assert(ws->frame_at + frame->data_length <= CONTROL_MAX);
        memcpy(ws->control + ws->frame_at, frame->data, frame->data_length);
        return;
    }
    assert(frame->data_length <= WEBSOCKET_SCRATCH_BYTES - ws->gathered);
    memcpy(ws->options->scratch + ws->gathered, frame->data, frame->data_length);
    ws->gathered += frame->data_length;
}

static bool code_ok(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

/* With which code a close is answered: with its own (section 5.5.1). */
static uint16_t answer_close(const struct websocket *ws, uint64_t len)
{
    uint16_t code = (uint16_t)(ws->control[0] << 8 | ws->control[1]);
    if (len == 0)
        return WSLAY_CODE_NORMAL_CLOSURE;
    return len >= 2 && code_ok(code) ? code : WSLAY_CODE_PROTOCOL_ERROR;
}

static uint16_t end_frame(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    if (frame->opcode == WSLAY_CONNECTION_CLOSE)
        return answer_close(ws, frame->payload_length);
    if (frame->opcode == WSLAY_PING) {
        ws->pong_due = true;
        ws->pong_len = (size_t)frame->payload_length;
        memcpy(ws->pong, ws->control, ws->pong_len);
    } else if (!wslay_is_ctrl_frame(frame->opcode) && frame->fin) {
        ws->in_message = false;
        ws->message_len = 0;
    }
    return CODE_NONE;
}

/* A frame, or a part of one. Not CODE_NONE: it is over. */
static uint16_t take_piece(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    uint16_t code = ws->frame_at == 0 ? begin_frame(ws, frame) : CODE_NONE;
    if (code != CODE_NONE)
        return code;
    keep_payload(ws, frame);
    ws->frame_at += frame->data_length;
    if (ws->frame_at < frame->payload_length)
        return CODE_NONE;
    ws->frame_at = 0;
    return end_frame(ws, frame);
}

/* Takes apart all that was read. */
static uint16_t gather(struct websocket *ws)
{
    uint16_t code = CODE_NONE;
    while (code == CODE_NONE) {
        struct wslay_frame_iocb frame;
        memset(&frame, 0, sizeof(frame));
        ssize_t n = wslay_frame_recv(ws->frames, &frame);
        if (n == WSLAY_ERR_WANT_READ)
            break;
        code = n < 0 ? WSLAY_CODE_PROTOCOL_ERROR : take_piece(ws, &frame);
    }
    return code;
}

/* --- what the stream calls --- */

static void receive(void *user, const uint8_t *data, size_t len, struct now now)
{
    struct websocket *ws = user;

    assert(len <= STREAM_READ_MAX);
    ws->in = (struct span){data, len};
    ws->gathered = 0;
    uint16_t code = gather(ws);
    if (ws->gathered > 0 && !session_receive(ws->session, ws->options->scratch, ws->gathered, now))
        return; /* carrier_close was called */
    write_pong(ws);
    if (code != CODE_NONE)
        close_with(ws, code);
}

static bool paused(const void *user)
{
    const struct websocket *ws = user;
    return session_paused(ws->session);
}

static void writable(void *user)
{
    struct websocket *ws = user;
    write_pong(ws);
    if (!ws->session_waits)
        return;
    ws->session_waits = false;
    session_writable(ws->session);
}

static void lost(void *user)
{
    struct websocket *ws = user;
    session_close(ws->session);
    free_websocket(ws);
}

static void leave(void *user)
{
    struct websocket *ws = user;
    write_close(ws, WSLAY_CODE_GOING_AWAY);
    lost(ws);
}

static const struct stream_handler handler = {NULL, NULL, receive, paused, writable, lost, leave};

/* --- what the session calls --- */

static bool carrier_write(void *ctx, const uint8_t *data, size_t len)
{
    struct websocket *ws = ctx;
    ws->session_waits = !write_frame(ws, WSLAY_BINARY_FRAME, data, len);
    return !ws->session_waits;
}

static void carrier_close(void *ctx)
{
    struct websocket *ws = ctx;
    struct stream *stream = ws->stream;
    write_close(ws, WSLAY_CODE_NORMAL_CLOSURE);
    free_websocket(ws);
    stream_end(stream);
}

static void carrier_resume(void *ctx)
{
    struct websocket *ws = ctx;
    stream_resume(ws->stream);
}

/* --- the beginning --- */

bool websocket_open(const struct websocket_options *options, struct stream *stream, struct now now)
{
    static const struct wslay_frame_callbacks callbacks = {on_send, on_recv, NULL};
    struct websocket *ws = calloc(1, sizeof(*ws));
    if (ws == NULL)
        goto err0;
    ws->stream = stream;
    ws->options = options;
    if (wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0)
        goto err1;
    const struct carrier carrier = {carrier_write, carrier_close, ws, carrier_resume};
    ws->session = session_open(options->relay, &carrier, now);
    if (ws->session == NULL)
        goto err2;
    stream_hand_over(stream, &handler, ws);
    return true;

err2:
    wslay_frame_context_free(ws->frames);
err1:
    free(ws);
err0:
    return false;
}

void websocket_accept(const uint8_t key[WEBSOCKET_KEY_LEN], char out[WEBSOCKET_ACCEPT_LEN + 1])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[WEBSOCKET_KEY_LEN + sizeof(magic) - 1], digest[SHA1_DIGEST_LENGTH];
    SHA1_CTX sha1; /* a sign of understanding (RFC 6455 section 4.2.2): nothing depends on its strength */
    memcpy(text, key, WEBSOCKET_KEY_LEN);
    memcpy(text + WEBSOCKET_KEY_LEN, magic, sizeof(magic) - 1);
    SHA1Init(&sha1);
    SHA1Update(&sha1, text, sizeof(text));
    SHA1Final(digest, &sha1);
    sodium_bin2base64(out, WEBSOCKET_ACCEPT_LEN + 1, digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
}
