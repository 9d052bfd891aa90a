-- Requests of customers to be taken on. The form and what was answered to it stay as they were.
-- receipt is the hash of the token that its sender was given. scope is the hash of Idempotency-Key
-- and form; with the same two, salt makes the same token again.
-- decided_by is NULL while nobody decided, and when whoever holds the receipt did.
CREATE TABLE intakes (
    intake       TEXT NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL,
    display_name TEXT NOT NULL,
    form         TEXT NOT NULL,
    answer       TEXT NOT NULL,
    plan         TEXT,
    version      INTEGER,
    profile      TEXT NOT NULL,
    currency     TEXT NOT NULL,
    zone         TEXT NOT NULL,
    anchor_day   INTEGER NOT NULL,
    receipt      BLOB NOT NULL,
    scope        BLOB,
    salt         BLOB NOT NULL,
    submitted_at INTEGER NOT NULL,
    status       TEXT NOT NULL,
    decided_at   INTEGER,
    decided_by   TEXT,
    reason       TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX intakes_by_scope ON intakes (scope) WHERE scope IS NOT NULL;
CREATE INDEX intakes_by_time ON intakes (submitted_at, intake);
CREATE INDEX intakes_by_status ON intakes (status, submitted_at, intake);
