/* Layout of the public structs, for JavaScript. The names of the entries stand, in the same order, in FIELDS of client/web/core.js. */
#ifndef CLIENT_WEB_LAYOUT_H
#define CLIENT_WEB_LAYOUT_H

#include <stdint.h>

#include <zaguan/err.h>

/* Static storage. */
ZG_API const uint32_t *zg_web_layout(void);
ZG_API uint32_t zg_web_layout_count(void);

#endif
