-- What a gateway holds for the ledger. Times are UTC milliseconds.

-- Events in the order in which they were taken. n is never used again, so that what was sent can be
-- deleted up to a number while more arrives.
CREATE TABLE held (
    n       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    k       BLOB NOT NULL UNIQUE,
    body    BLOB NOT NULL,
    event   TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    t_taken INTEGER NOT NULL
);

-- Times that were given to events without one, so that a repeat gets the same. They outlive the
-- event, which may be sent again after it was forwarded.
CREATE TABLE stamps (
    k       BLOB NOT NULL PRIMARY KEY,
    t_event INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX stamps_by_time ON stamps (t_event);

-- Events that the ledger would not take, with its words.
CREATE TABLE refused (
    n         INTEGER NOT NULL PRIMARY KEY,
    event     TEXT NOT NULL,
    t_taken   INTEGER NOT NULL,
    code      TEXT NOT NULL,
    detail    TEXT NOT NULL,
    t_refused INTEGER NOT NULL
);

-- One row. events and bytes are those of held; refused counts all that ever were.
CREATE TABLE state (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    events  INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    stamps  INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    sealed  INTEGER NOT NULL,
    account TEXT
);
INSERT INTO state (one, events, bytes, stamps, refused, sealed) VALUES (1, 0, 0, 0, 0, 0);
