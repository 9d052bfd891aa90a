-- What was decided about tenants' used-up quotas, in the order of n; the last row of a tenant is what
-- stands. action is `alert`, `announced`, `held`, `suspend`, or `none` when nothing stands any more;
-- earlier is the action before it. told_at: since when the cluster has an event of it.
CREATE TABLE enforcements (
    account      TEXT COLLATE "C" NOT NULL,
    uid          TEXT COLLATE "C" NOT NULL,
    n            BIGINT NOT NULL,
    action       TEXT COLLATE "C" NOT NULL,
    earlier      TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    period_end   BIGINT NOT NULL,
    announced_at BIGINT NOT NULL,
    not_before   BIGINT NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    used_micro   BIGINT NOT NULL,
    quota_micro  BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    told_at      BIGINT,
    PRIMARY KEY (account, uid, n)
);
