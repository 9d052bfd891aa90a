-- What each tenant's gateway said of itself last. Not every heartbeat is stored: see the store.
CREATE TABLE gateways (
    account     TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account),
    at          BIGINT NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    held_events BIGINT NOT NULL,
    held_bytes  BIGINT NOT NULL,
    oldest      BIGINT,
    refused     BIGINT NOT NULL,
    sealed      BIGINT NOT NULL
);

-- Accounts whose gateway is to take nothing more and hand over what is left, and since when.
CREATE TABLE drains (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account),
    since   BIGINT NOT NULL
);
