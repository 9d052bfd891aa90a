-- Backups that gateways sent. Each is a file in the folder of backups; sha256 and bytes are the file's.
CREATE TABLE backups (
    account  TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    id       TEXT COLLATE "C" NOT NULL,
    received BIGINT NOT NULL,
    made     BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    sha256   BYTEA NOT NULL,
    held     BIGINT NOT NULL,
    PRIMARY KEY (account, id)
);
