-- What each tenant's gateway said of itself last. Not every heartbeat is stored: see the store.
CREATE TABLE gateways (
    account     TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account),
    at          INTEGER NOT NULL,
    version     TEXT NOT NULL,
    held_events INTEGER NOT NULL,
    held_bytes  INTEGER NOT NULL,
    oldest      INTEGER,
    refused     INTEGER NOT NULL,
    sealed      INTEGER NOT NULL
) WITHOUT ROWID;

-- Accounts whose gateway is to take nothing more and hand over what is left, and since when.
CREATE TABLE drains (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account),
    since   INTEGER NOT NULL
) WITHOUT ROWID;
