-- Where messages are sent. secret signs them, and old_secret too until old_until; they are as they are,
-- since a signature cannot be made from less: who reads the database, or a backup of it, can sign as us.
-- types are names of messages, separated by spaces; '' is all of them. disabled says why, NULL: enabled.
CREATE TABLE webhook_endpoints (
    endpoint    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url         TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    types       TEXT COLLATE "C" NOT NULL,
    secret      BYTEA NOT NULL,
    old_secret  BYTEA,
    old_until   BIGINT,
    disabled    TEXT COLLATE "C",
    disabled_at BIGINT,
    created_at  BIGINT NOT NULL,
    created_by  TEXT COLLATE "C" NOT NULL
);

-- Messages to be sent, written with what they tell, in its transaction. state is `pending`, `delivered` or
-- `dead`; next_at is NULL unless pending. attempts counts all, failed those that failed since it was queued
-- last. Not tied to the endpoint by a foreign key: one that is deleted at the same moment must not keep
-- usage from being stored.
CREATE TABLE webhook_deliveries (
    endpoint    TEXT COLLATE "C" NOT NULL,
    message     TEXT COLLATE "C" NOT NULL,
    type        TEXT COLLATE "C" NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    queued_at   BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    attempts    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    next_at     BIGINT,
    last_at     BIGINT,
    last_status BIGINT,
    last_error  TEXT COLLATE "C",
    PRIMARY KEY (endpoint, message)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_at, message) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (endpoint, queued_at, message);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (endpoint, state, queued_at, message);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (queued_at);
