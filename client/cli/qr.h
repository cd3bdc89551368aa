/* A text as a QR code: for a terminal, and as a PNG file to print. */
#ifndef CLIENT_CLI_QR_H
#define CLIENT_CLI_QR_H

#include <stdbool.h>

#include "client/cli/text.h"

/* Half blocks, two modules a character, dark on light whatever the terminal's colours are. false: too long. */
bool qr_add_terminal(struct text *out, const char *content);
/* 8 pixels a module, a margin of 4 modules. false: said. */
bool qr_write_png(const char *path, const char *content);

#endif
