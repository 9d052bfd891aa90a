-- Where messages are sent. secret signs them, and old_secret too until old_until; they are as they are,
-- since a signature cannot be made from less: who reads the database, or a backup of it, can sign as us.
-- types are names of messages, separated by spaces; '' is all of them. disabled says why, NULL: enabled.
CREATE TABLE webhook_endpoints (
    endpoint    TEXT NOT NULL PRIMARY KEY,
    url         TEXT NOT NULL,
    description TEXT NOT NULL,
    types       TEXT NOT NULL,
    secret      BLOB NOT NULL,
    old_secret  BLOB,
    old_until   INTEGER,
    disabled    TEXT,
    disabled_at INTEGER,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL
) WITHOUT ROWID;

-- Messages to be sent, written with what they tell, in its transaction. state is `pending`, `delivered` or
-- `dead`; next_at is NULL unless pending. attempts counts all, failed those that failed since it was queued
-- last. Not tied to the endpoint by a foreign key: one that is deleted at the same moment must not keep
-- usage from being stored.
CREATE TABLE webhook_deliveries (
    endpoint    TEXT NOT NULL,
    message     TEXT NOT NULL,
    type        TEXT NOT NULL,
    body        TEXT NOT NULL,
    queued_at   INTEGER NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    next_at     INTEGER,
    last_at     INTEGER,
    last_status INTEGER,
    last_error  TEXT,
    PRIMARY KEY (endpoint, message)
) WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_at, message) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (endpoint, queued_at, message);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (endpoint, state, queued_at, message);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (queued_at);
