-- What was decided about tenants' used-up quotas, in the order of n; the last row of a tenant is what
-- stands. action is `alert`, `announced`, `held`, `suspend`, or `none` when nothing stands any more;
-- earlier is the action before it. told_at: since when the cluster has an event of it.
CREATE TABLE enforcements (
    account      TEXT NOT NULL,
    uid          TEXT NOT NULL,
    n            INTEGER NOT NULL,
    action       TEXT NOT NULL,
    earlier      TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    period_end   INTEGER NOT NULL,
    announced_at INTEGER NOT NULL,
    not_before   INTEGER NOT NULL,
    meter        TEXT NOT NULL,
    used_micro   INTEGER NOT NULL,
    quota_micro  INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    told_at      INTEGER,
    PRIMARY KEY (account, uid, n)
) WITHOUT ROWID;
