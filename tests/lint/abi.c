/* What a program that was built with the headers relies on beside the names: sizes of structs that it holds, and values. */
#include <stdio.h>

#include <zaguan/client.h>
#include <zaguan/uv.h>
#include <zaguan/vault_sqlite.h>

#define SIZE(type) printf("size %s %zu\n", #type, sizeof(type))
#define VALUE(name) printf("value %s %d\n", #name, (int)(name))

static void sizes(void)
{
    SIZE(zg_id);
    SIZE(zg_now);
    SIZE(zg_client_options);
    SIZE(zg_io);
    SIZE(zg_event);
    SIZE(zg_conversation);
    SIZE(zg_message);
    SIZE(zg_send_options);
    SIZE(zg_notice);
    SIZE(zg_desk_options);
    SIZE(zg_desk);
    SIZE(zg_uv_options);
    SIZE(zg_vault);
    SIZE(zg_vault_write);
    SIZE(zg_vault_batch);
}

/* The last of each enum: one that is put in before it moves it. */
static void values(void)
{
    VALUE(ZG_ERR_CRYPTO);
    VALUE(ZG_IO_CLOSE);
    VALUE(ZG_EVENT_RELAY_WENT_BACK);
    VALUE(ZG_EVENT_CLOSED);
    VALUE(ZG_CONVERSATION_ERASING);
    VALUE(ZG_SAFETY_MISMATCH);
    VALUE(ZG_MESSAGE_EXPIRED_UNREAD);
    VALUE(ZG_AFTER_READ);
    VALUE(ZG_VAULT_CREATE);
    VALUE(ZG_ORGANISATION_BYTES);
    VALUE(ZG_ORGANISATION_WORDS);
    VALUE(ZG_PHRASE_DIGITS);
    VALUE(ZG_LOCKER_SECRET_BYTES);
}

int main(void)
{
    sizes();
    values();
    return 0;
}
