-- What a brake counts, without a look at every decision there was.
CREATE INDEX enforcements_done ON enforcements (at) WHERE action = 'suspend';
CREATE INDEX enforcements_coming ON enforcements (not_before) WHERE action IN ('announced', 'held');
