#include <zaguan/err.h>

/* Switches without a default: the compiler names a value that was forgotten. */

const char *zg_err_text(zg_err err)
{
    switch (err) {
#define TEXT(name, text) \
    case ZG_ERR_##name: \
        return text;
        ZG_ERR_MAP(TEXT)
#undef TEXT
    }
    return "unknown error";
}

const char *zg_err_name(zg_err err)
{
    switch (err) {
    case ZG_ERR_OK:
        return "ok";
    case ZG_ERR_MEMORY:
        return "memory";
    case ZG_ERR_ARGUMENT:
        return "argument";
    case ZG_ERR_STATE:
        return "state";
    case ZG_ERR_MALFORMED:
        return "malformed";
    case ZG_ERR_TRUNCATED:
        return "truncated";
    case ZG_ERR_VERSION:
        return "version";
    case ZG_ERR_FORGED:
        return "forged";
    case ZG_ERR_FOREIGN:
        return "foreign";
    case ZG_ERR_EXPIRED:
        return "expired";
    case ZG_ERR_REFUSED:
        return "refused";
    case ZG_ERR_FULL:
        return "full";
    case ZG_ERR_BUSY:
        return "busy";
    case ZG_ERR_TOO_LARGE:
        return "too_large";
    case ZG_ERR_CONFLICT:
        return "conflict";
    case ZG_ERR_NOT_FOUND:
        return "not_found";
    case ZG_ERR_PASSPHRASE:
        return "passphrase";
    case ZG_ERR_STORAGE:
        return "storage";
    case ZG_ERR_NETWORK:
        return "network";
    case ZG_ERR_LOCKED:
        return "locked";
    case ZG_ERR_CRYPTO:
        return "crypto";
    }
    return "unknown";
}
