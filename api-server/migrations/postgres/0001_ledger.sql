-- The ledger: who is counted, what was counted, and what follows from it.
-- Times are UTC milliseconds, quantities millionths of a unit. Every key leads with the account.
-- Texts are compared by their bytes, as in SQLite and in the program.

CREATE TABLE accounts (
    account    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    zone       TEXT COLLATE "C" NOT NULL,
    anchor_day BIGINT NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

-- Which workload's projected token stands for which account.
CREATE TABLE bindings (
    account             TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    namespace           TEXT COLLATE "C" NOT NULL,
    service_account     TEXT COLLATE "C" NOT NULL,
    service_account_uid TEXT COLLATE "C" NOT NULL,
    bound_at            BIGINT NOT NULL,
    PRIMARY KEY (account, namespace, service_account)
);
CREATE UNIQUE INDEX bindings_by_workload ON bindings (namespace, service_account);

-- The newest row of each account.
CREATE TABLE heads (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account),
    seq     BIGINT NOT NULL,
    chain   BYTEA NOT NULL
);

-- kind: 0 usage, 1 correction, 2 void. seq counts from 1 inside an account, without gaps.
-- happened_in is the start of the closed period in which it happened, when that is not the one
-- whose figures it enters.
CREATE TABLE usage_ledger (
    account      TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    seq          BIGINT NOT NULL,
    kind         BIGINT NOT NULL,
    source       TEXT COLLATE "C" NOT NULL,
    event_id     TEXT COLLATE "C" NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    t_event      BIGINT NOT NULL,
    t_ingest     BIGINT NOT NULL,
    t_stored     BIGINT NOT NULL,
    qty_micro    BIGINT NOT NULL,
    ref_seq      BIGINT,
    period_start BIGINT NOT NULL,
    happened_in  BIGINT,
    dims_hash    BYTEA,
    chain        BYTEA NOT NULL,
    PRIMARY KEY (account, seq)
);
CREATE INDEX usage_ledger_by_ref ON usage_ledger (account, ref_seq) WHERE ref_seq IS NOT NULL;

CREATE FUNCTION usage_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END $$;
CREATE TRIGGER usage_ledger_never_updated BEFORE UPDATE ON usage_ledger
    FOR EACH ROW EXECUTE FUNCTION usage_ledger_refuse();
CREATE TRIGGER usage_ledger_never_deleted BEFORE DELETE ON usage_ledger
    FOR EACH ROW EXECUTE FUNCTION usage_ledger_refuse();
CREATE TRIGGER usage_ledger_never_emptied BEFORE TRUNCATE ON usage_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION usage_ledger_refuse();

-- What may name people stands apart, so that it can be erased; the chain holds its salted hash.
CREATE TABLE event_dims (
    account TEXT COLLATE "C" NOT NULL,
    seq     BIGINT NOT NULL,
    salt    BYTEA NOT NULL,
    dims    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, seq)
);

-- month is the month of arrival, as 202611.
CREATE TABLE dedup (
    account  TEXT COLLATE "C" NOT NULL,
    month    BIGINT NOT NULL,
    k        BYTEA NOT NULL,
    seq      BIGINT NOT NULL,
    body     BYTEA NOT NULL,
    t_ingest BIGINT NOT NULL,
    PRIMARY KEY (account, month, k)
);

CREATE TABLE periods (
    account      TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    period_end   BIGINT NOT NULL,
    closed_at    BIGINT,
    closed_seq   BIGINT,
    PRIMARY KEY (account, period_start)
);

CREATE TABLE usage_period (
    account      TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    cnt          BIGINT NOT NULL,
    used_micro   BIGINT NOT NULL,
    last_seq     BIGINT NOT NULL,
    PRIMARY KEY (account, period_start, meter)
);

CREATE TABLE usage_rollup_hour (
    account      TEXT COLLATE "C" NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    hour         BIGINT NOT NULL,
    cnt          BIGINT NOT NULL,
    qty_micro    BIGINT NOT NULL,
    first_seq    BIGINT NOT NULL,
    last_seq     BIGINT NOT NULL,
    PRIMARY KEY (account, meter, period_start, hour)
);

-- Whoever writes what is no account's locks this row, as a writer of SQLite locks the file.
CREATE TABLE house (id BIGINT NOT NULL PRIMARY KEY);
INSERT INTO house VALUES (1);
