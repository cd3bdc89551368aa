/* The tables of a backup file, for who writes and who reads it. */
#ifndef RELAY_STORE_BACKUP_FORM_H
#define RELAY_STORE_BACKUP_FORM_H

enum { BACKUP_VERSION = 1, BACKUP_APPLICATION_ID = 0x5a416742 };

#endif
