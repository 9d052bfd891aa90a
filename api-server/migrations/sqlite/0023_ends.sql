-- A subscription ends by an agreement on no plan: plan and version are NULL. The notes go first and come back, since
-- a table that others refer to cannot be made anew.
CREATE TABLE agreement_notes_kept AS SELECT * FROM agreement_notes;
DROP TABLE agreement_notes;

CREATE TABLE agreements_next (
    account      TEXT NOT NULL REFERENCES accounts (account),
    n            INTEGER NOT NULL,
    plan         TEXT,
    version      INTEGER,
    effective_at INTEGER NOT NULL,
    agreed_at    INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    at_seq       INTEGER NOT NULL,
    PRIMARY KEY (account, n),
    FOREIGN KEY (plan, version) REFERENCES plan_versions (plan, version),
    CHECK ((plan IS NULL) = (version IS NULL))
) WITHOUT ROWID;
INSERT INTO agreements_next
    SELECT account, n, plan, version, effective_at, agreed_at, recorded_at, at_seq FROM agreements;
DROP TABLE agreements;
ALTER TABLE agreements_next RENAME TO agreements;

CREATE TABLE agreement_notes (
    account      TEXT NOT NULL,
    n            INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    credit_minor INTEGER,
    charge_minor INTEGER,
    PRIMARY KEY (account, n),
    FOREIGN KEY (account, n) REFERENCES agreements (account, n)
) WITHOUT ROWID;
INSERT INTO agreement_notes SELECT account, n, actor, credit_minor, charge_minor FROM agreement_notes_kept;
DROP TABLE agreement_notes_kept;
