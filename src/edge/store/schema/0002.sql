-- Readings for pages and searches. All of it is made again from plans and records; it proves nothing, and nobody audits it.

-- Plans whose readings are out of date.
CREATE TABLE unread (
    plan TEXT PRIMARY KEY
);
INSERT INTO unread (plan) SELECT id FROM plans WHERE state <> 'planned';
CREATE INDEX plans_by_hotline ON plans (hotline, due);
CREATE INDEX records_by_age ON records (kept_at, call);

-- One call that was made, as lists show it.
CREATE TABLE calls (
    call TEXT PRIMARY KEY,
    hotline TEXT NOT NULL,
    probe TEXT NOT NULL,
    due BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    outcome TEXT NOT NULL,
    counted TEXT,
    because TEXT NOT NULL,
    finding TEXT,
    connect_ms BIGINT,
    human_ms BIGINT,
    duration_ms BIGINT
);
CREATE INDEX calls_by_due ON calls (due, call);
CREATE INDEX calls_by_verdict ON calls (verdict, due, call);
CREATE INDEX calls_by_outcome ON calls (outcome, due, call);
CREATE INDEX calls_by_hotline ON calls (hotline, due, call);
CREATE INDEX calls_by_hotline_verdict ON calls (hotline, verdict, due, call);
CREATE INDEX calls_by_hotline_outcome ON calls (hotline, outcome, due, call);

-- What each half-hour of a hotline came to, by the verdicts that count.
CREATE TABLE tallies (
    hotline TEXT NOT NULL,
    half_hour BIGINT NOT NULL,
    pass BIGINT NOT NULL,
    fail BIGINT NOT NULL,
    unclear BIGINT NOT NULL,
    not_made BIGINT NOT NULL,
    PRIMARY KEY (hotline, half_hour)
);

-- What was said, each text once, made plain for matching; its letters in twos; and in which calls it was heard.
CREATE TABLE sayings (
    id BIGINT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
);
CREATE TABLE grams (
    gram TEXT NOT NULL,
    saying BIGINT NOT NULL,
    PRIMARY KEY (gram, saying)
);
CREATE INDEX grams_by_saying ON grams (saying);
CREATE TABLE said (
    saying BIGINT NOT NULL,
    due BIGINT NOT NULL,
    call TEXT NOT NULL,
    PRIMARY KEY (saying, due, call)
);
CREATE INDEX said_by_call ON said (call);
CREATE INDEX said_by_due ON said (due, call, saying);

-- Entries of the ledger that say who took what out, and what was forgotten, to be listed.
CREATE TABLE takings (
    seq BIGINT PRIMARY KEY
);
