-- For which tenant, by its uid, a gateway took nothing more when it said so: what was sealed for an
-- earlier tenant of the account says nothing of this one.
ALTER TABLE gateways ADD COLUMN sealed_for TEXT;

-- The tenant, by its uid, that is being removed.
ALTER TABLE drains ADD COLUMN uid TEXT NOT NULL DEFAULT '';
