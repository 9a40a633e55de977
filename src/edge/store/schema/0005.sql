-- How many calls a plan counts for: a followed REFER is a second one. Nothing before this said so of itself.
ALTER TABLE plans ADD COLUMN calls BIGINT NOT NULL DEFAULT 1;
UPDATE plans SET calls = 0 WHERE state = 'passed';
