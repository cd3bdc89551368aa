"""A relay's database as version 1 of its schema kept it: a desk, a conversation, two messages that wait and one whose time is over.

    version_1.py FILE
"""

import os
import sqlite3
import sys
import time

SCHEMA = """
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE name (name BLOB PRIMARY KEY, role INTEGER NOT NULL, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX voucher_due ON name (id) WHERE role = 8;
CREATE TABLE queue (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, week INTEGER NOT NULL, takes INTEGER NOT NULL, names BLOB NOT NULL);
CREATE TABLE message (key INTEGER PRIMARY KEY, hour INTEGER NOT NULL, handle BLOB NOT NULL, envelope BLOB NOT NULL);
CREATE UNIQUE INDEX message_handle ON message (handle);
CREATE INDEX message_due ON message (hour);
CREATE TABLE slot (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, version INTEGER NOT NULL, hour INTEGER NOT NULL, names BLOB NOT NULL,
 value BLOB NOT NULL);
CREATE INDEX slot_due ON slot (hour);
CREATE TABLE total (queues INTEGER NOT NULL, slots INTEGER NOT NULL, vouchers INTEGER NOT NULL, messages INTEGER NOT NULL);
INSERT INTO total VALUES (0, 0, 0, 0);
PRAGMA user_version = 1;
PRAGMA application_id = 1514235733;
COMMIT;
"""


def queue(db, number, kind, takes):
    """Roles: put 1, take 2, own 3, end 4; one take."""
    names = [os.urandom(16) for _ in range(4)]
    week = int(time.time()) // 3600 // 168
    db.execute("INSERT INTO queue VALUES (?, ?, ?, ?, ?)", (number, kind, week, takes, b"".join(names)))
    db.executemany("INSERT INTO name VALUES (?, ?, ?)", zip(names, (1, 3, 4, 2), (number,) * 4))


def main():
    db = sqlite3.connect(sys.argv[1])
    db.executescript(SCHEMA)
    hour = int(time.time()) // 3600
    queue(db, 7, 1, 1)
    queue(db, 9, 2, 1)
    for i, due in enumerate((hour + 24, hour + 48, hour - 24)):
        db.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (9 << 27 | i, due, os.urandom(16), os.urandom(4096)))
    db.execute("UPDATE total SET queues = 2, messages = 3")
    db.commit()
    db.close()


main()
