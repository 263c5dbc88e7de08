-- Pushes that subscribers have still to be told of.
CREATE TABLE rep_push_out (
    id TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    push TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    -- The server that has it in hand.
    worker TEXT,
    PRIMARY KEY (id, subscriber)
);
CREATE INDEX rep_push_out_due ON rep_push_out (next_ms, id);
