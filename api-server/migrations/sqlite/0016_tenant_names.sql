-- The customer's name as each tenant's spec has it: what it said when the tenant was known, and each other
-- name since, with when that was seen. Another name than before names the account; the first does not.
CREATE TABLE tenant_names (
    account TEXT NOT NULL,
    uid     TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (account, uid, seen_at)
) WITHOUT ROWID;
