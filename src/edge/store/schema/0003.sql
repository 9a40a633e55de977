-- Entries of the ledger that say a call of `/probe` was made, so that budgets find them; it proves nothing.
CREATE TABLE checks (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX checks_by_time ON checks (at);
