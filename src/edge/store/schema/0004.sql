-- Pages count availability as the report does: of the calls that the schedule made, those whose failure is the hotline's.
ALTER TABLE calls ADD COLUMN whose TEXT;
ALTER TABLE tallies ADD COLUMN available BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tallies ADD COLUMN unavailable BIGINT NOT NULL DEFAULT 0;
INSERT INTO unread (plan) SELECT id FROM plans WHERE state <> 'planned' ON CONFLICT DO NOTHING;
