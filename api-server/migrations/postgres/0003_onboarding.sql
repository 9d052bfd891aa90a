-- Requests of customers to be taken on. The form and what was answered to it stay as they were.
-- receipt is the hash of the token that its sender was given. scope is the hash of Idempotency-Key
-- and form; with the same two, salt makes the same token again.
-- decided_by is NULL while nobody decided, and when whoever holds the receipt did.
CREATE TABLE intakes (
    intake       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant       TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    form         TEXT COLLATE "C" NOT NULL,
    answer       TEXT COLLATE "C" NOT NULL,
    plan         TEXT COLLATE "C",
    version      BIGINT,
    profile      TEXT COLLATE "C" NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    zone         TEXT COLLATE "C" NOT NULL,
    anchor_day   BIGINT NOT NULL,
    receipt      BYTEA NOT NULL,
    scope        BYTEA,
    salt         BYTEA NOT NULL,
    submitted_at BIGINT NOT NULL,
    status       TEXT COLLATE "C" NOT NULL,
    decided_at   BIGINT,
    decided_by   TEXT COLLATE "C",
    reason       TEXT COLLATE "C"
);
CREATE UNIQUE INDEX intakes_by_scope ON intakes (scope) WHERE scope IS NOT NULL;
CREATE INDEX intakes_by_time ON intakes (submitted_at, intake);
CREATE INDEX intakes_by_status ON intakes (status, submitted_at, intake);
