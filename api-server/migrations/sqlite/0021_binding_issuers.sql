-- Whose tokens a workload's are: two clusters may have the same namespace, ServiceAccount and uid, where one of them
-- wants to. Nothing: of before this version of the schema, or bound without a word of it; it is named when it is
-- first used, while one cluster alone is trusted.
ALTER TABLE bindings ADD COLUMN issuer TEXT;
