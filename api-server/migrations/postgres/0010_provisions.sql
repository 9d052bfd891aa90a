-- Tenants to be made of approved requests: a row is written with the approval, in its transaction, and
-- names the request alone, so that what is erased there is in no second place. outcome is `queued`,
-- `conflict` (another's tenant has the name; looked at again later) or `made`; next_at is NULL once made.
-- detail says what kept it from being made last; it names nobody.
CREATE TABLE provisions (
    request   TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES intakes (intake),
    queued_at BIGINT NOT NULL,
    outcome   TEXT COLLATE "C" NOT NULL,
    attempts  BIGINT NOT NULL,
    next_at   BIGINT,
    detail    TEXT COLLATE "C",
    made_at   BIGINT
);
CREATE INDEX provisions_due ON provisions (next_at, request) WHERE next_at IS NOT NULL;
