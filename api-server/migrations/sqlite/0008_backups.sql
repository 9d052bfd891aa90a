-- Backups that gateways sent. Each is a file in the folder of backups; sha256 and bytes are the file's.
CREATE TABLE backups (
    account  TEXT NOT NULL REFERENCES accounts (account),
    id       TEXT NOT NULL,
    received INTEGER NOT NULL,
    made     INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    sha256   BLOB NOT NULL,
    held     INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) WITHOUT ROWID;
