/* Every label of the protocol. All differ; each is used for one purpose. docs/protocol.md, conventions. */
#ifndef PROTO_LABELS_H
#define PROTO_LABELS_H

#define LABEL_SEAL "zaguan/1 seal"
#define LABEL_SEAL_COMMITMENT "zaguan/1 seal commitment"

#define LABEL_NAME_PUT "zaguan/1 name put"
#define LABEL_NAME_TAKE "zaguan/1 name take"
#define LABEL_NAME_OWN "zaguan/1 name own"
#define LABEL_NAME_END "zaguan/1 name end"
#define LABEL_NAME_READ "zaguan/1 name read"
#define LABEL_NAME_WRITE "zaguan/1 name write"
#define LABEL_NAME_SLOT_OWN "zaguan/1 name slot-own"
#define LABEL_NAME_VOUCHER "zaguan/1 name voucher"
#define LABEL_HANDLE "zaguan/1 handle"
#define LABEL_VOUCHER_CHECK "zaguan/1 voucher check"

#define LABEL_PROLOGUE "zaguan/1 relay connection"

#define LABEL_ISSUING_CERTIFICATE "zaguan/1 issuing certificate"
#define LABEL_DESK_CERTIFICATE "zaguan/1 desk certificate"
#define LABEL_CREDENTIAL "zaguan/1 credential"
#define LABEL_ORGANISATION "zaguan/1 organisation"
#define LABEL_CARD "zaguan/1 card"
#define LABEL_CARD_CHECK "zaguan/1 card check"
#define LABEL_BUNDLE "zaguan/1 bundle"
#define LABEL_BUNDLE_KEYS "zaguan/1 bundle keys"
#define LABEL_BUNDLE_NOTICE "zaguan/1 bundle notice"

#define LABEL_KNOCK "zaguan/1 knock"
#define LABEL_KNOCK_ROOT "zaguan/1 knock root"
#define LABEL_KNOCK_BODY "zaguan/1 knock body"
#define LABEL_ACCEPT "zaguan/1 accept"
#define LABEL_ACCEPT_MAC "zaguan/1 accept mac"
#define LABEL_ACCEPT_MIX "zaguan/1 accept mix"
#define LABEL_SAFETY_COMMITMENT "zaguan/1 safety commitment"
#define LABEL_SAFETY_WORDS "zaguan/1 safety words"

#define LABEL_STEP "zaguan/1 step"
#define LABEL_STEP_ID "zaguan/1 step id"
#define LABEL_MESSAGE_KEY "zaguan/1 message key"
#define LABEL_NEXT_CHAIN "zaguan/1 next chain"

#define LABEL_COOKIE "zaguan/1 cookie"
#define LABEL_PUZZLE "zaguan/1 puzzle"
#define LABEL_PUZZLE_SALT "zaguan/1 puzzle salt"
#define LABEL_PUZZLE_KNOCK "zaguan/1 puzzle knock"

#define LABEL_PHRASE "zaguan/1 return phrase"
#define LABEL_PHRASE_SALT "zaguan/1 return phrase salt"
#define LABEL_LOCKER "zaguan/1 locker"

#define LABEL_STORED_MESSAGE "zaguan/1 stored message"
#define LABEL_STORED_SLOT "zaguan/1 stored slot"
#define LABEL_EPOCH_FILE "zaguan/1 epoch file"

#define LABEL_VAULT_ENTRY "zaguan/1 vault entry"
#define LABEL_VAULT_KEY "zaguan/1 vault key"
#define LABEL_VAULT_BLOCK "zaguan/1 vault block"
#define LABEL_VAULT_ROOT "zaguan/1 vault root"
#define LABEL_ISSUING_SEED "zaguan/1 issuing seed"
#define LABEL_ORGANISATION_FILE "zaguan/1 organisation file"
#define LABEL_PASSPHRASE_BOX "zaguan/1 passphrase box"

#endif
