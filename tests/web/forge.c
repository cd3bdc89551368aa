/*
 * A card that was changed, from the real one on standard input; for tests of the page.
 *
 *     forge_card organisation     the same desk, as another organisation's
 *     forge_card HOST:PORT...     the same desk at other addresses
 */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "client/core/card.h"

static void set_addresses(struct card *card, int count, char **addresses)
{
    card->count = (uint8_t)count;
    memset(card->address, 0, sizeof(card->address));
    for (int i = 0; i < count; i++)
        snprintf(card->address[i], sizeof(card->address[i]), "%s", addresses[i]);
}

int main(int argc, char **argv)
{
    char text[2048];
    struct card card;
    if (argc < 2 || argc - 1 > CARD_ADDRESSES_MAX || sodium_init() < 0 ||
        fgets(text, sizeof(text), stdin) == NULL || card_parse(&card, text, strcspn(text, "\n")) != ZG_OK)
        return 1;
    if (strcmp(argv[1], "organisation") == 0)
        card.organisation[3] ^= 1;
    else
        set_addresses(&card, argc - 1, argv + 1);
    if (card_text(&card, "zaguan:", text, sizeof(text)) != ZG_OK)
        return 1;
    puts(text);
    return 0;
}
