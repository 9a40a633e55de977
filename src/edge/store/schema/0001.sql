-- What happened, in order; never changed, never deleted. `hash` is the entry's leaf hash (RFC 6962).
CREATE TABLE ledger (
    seq BIGINT PRIMARY KEY,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- The ledger's end: who writes, changes `turn` first, and so waits for whoever writes now.
CREATE TABLE ledger_head (
    id BIGINT PRIMARY KEY,
    size BIGINT NOT NULL,
    hash TEXT NOT NULL,
    frontier TEXT NOT NULL,
    turn BIGINT NOT NULL
);
INSERT INTO ledger_head (id, size, hash, frontier, turn)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', '0:', 0);

-- Keys that checkpoints may be signed with, and what the ledger is called.
CREATE TABLE ledger_keys (
    vkey TEXT PRIMARY KEY,
    origin TEXT NOT NULL
);

-- Every call that was due: made, not made, under way.
CREATE TABLE plans (
    id TEXT PRIMARY KEY,
    hotline TEXT NOT NULL,
    probe TEXT NOT NULL,
    due BIGINT NOT NULL,
    cause TEXT NOT NULL,
    plan TEXT NOT NULL,
    state TEXT NOT NULL,
    machine TEXT NOT NULL,
    trunk TEXT,
    target TEXT,
    call TEXT UNIQUE,
    reserved_s BIGINT NOT NULL,
    planned_at BIGINT NOT NULL,
    ended_at BIGINT,
    used_ms BIGINT NOT NULL,
    verdict TEXT,
    outcome TEXT,
    counted TEXT
);
CREATE INDEX plans_by_due ON plans (due);
CREATE INDEX plans_by_state ON plans (state, machine);
CREATE INDEX plans_by_planned_at ON plans (planned_at);
CREATE INDEX plans_by_probe ON plans (hotline, probe, due);

-- One call as JSON, as it was hashed.
CREATE TABLE records (
    call TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    kept_at BIGINT NOT NULL
);

-- Files of evidence. `state`: kept, leaving (the ledger says it is gone, the file may still be there), gone.
CREATE TABLE evidence (
    path TEXT PRIMARY KEY,
    call TEXT NOT NULL,
    what TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    kept_at BIGINT NOT NULL,
    human_ms BIGINT,
    redacted BIGINT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX evidence_by_call ON evidence (call);
CREATE INDEX evidence_by_age ON evidence (state, kept_at);

-- What the schedule goes on from. Rebuilt by calling; no evidence.
CREATE TABLE memory (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
