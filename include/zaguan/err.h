/* Errors of libzaguan and of the programs built on it. */
#ifndef ZAGUAN_ERR_H
#define ZAGUAN_ERR_H

/* name, sentence for a person. 0 is success; the values are part of the ABI: append only. */
#define ZG_ERR_MAP(X)                                                              \
    X(OK, "ok")                                                                    \
    X(MEMORY, "out of memory")                                                     \
    X(ARGUMENT, "a parameter is out of its range")                                 \
    X(STATE, "this cannot be done now")                                            \
    X(MALFORMED, "the bytes are damaged or not of this protocol")                  \
    X(TRUNCATED, "the bytes end too early")                                        \
    X(VERSION, "made by another protocol version or suite")                        \
    X(FORGED, "a signature or an authentication tag is wrong")                     \
    X(FOREIGN, "belongs to another organisation or desk")                          \
    X(EXPIRED, "its validity is over or has not begun; check the clock")           \
    X(REFUSED, "the relay refused: unknown, already used, or ended")               \
    X(FULL, "a quota is reached; try again later")                                 \
    X(BUSY, "the relay cannot store now; it will be tried again")                  \
    X(TOO_LARGE, "longer than allowed")                                            \
    X(CONFLICT, "somebody else changed it first")                                  \
    X(NOT_FOUND, "no such thing")                                                  \
    X(PASSPHRASE, "wrong passphrase")                                              \
    X(STORAGE, "local storage failed; check space and permissions")                \
    X(NETWORK, "the relay cannot be reached")                                      \
    X(LOCKED, "already in use by another program")                                 \
    X(CRYPTO, "a cryptographic operation failed")

typedef enum zg_err {
#define ZG_ERR_ENUM(name, text) ZG_ERR_##name,
    ZG_ERR_MAP(ZG_ERR_ENUM)
#undef ZG_ERR_ENUM
} zg_err;

#define ZG_OK ZG_ERR_OK

#if defined(__GNUC__)
#define ZG_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ZG_MUST_CHECK
#endif

#if defined(__GNUC__)
#define ZG_API __attribute__((visibility("default")))
#else
#define ZG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A sentence in English, static storage. Never NULL, also for values that are no error. */
ZG_API const char *zg_err_text(zg_err err);

/* The name without prefix, in lower case ("too_large"); for logs and scripts. Never NULL. */
ZG_API const char *zg_err_name(zg_err err);

#ifdef __cplusplus
}
#endif

#endif
