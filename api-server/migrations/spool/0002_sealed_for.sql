-- The uid of the tenant for whose removal it is sealed.
ALTER TABLE state ADD COLUMN sealed_for TEXT;
