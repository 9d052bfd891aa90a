-- A subscription ends by an agreement on no plan: plan and version are NULL.
ALTER TABLE agreements ALTER COLUMN plan DROP NOT NULL;
ALTER TABLE agreements ALTER COLUMN version DROP NOT NULL;
ALTER TABLE agreements ADD CHECK ((plan IS NULL) = (version IS NULL));
