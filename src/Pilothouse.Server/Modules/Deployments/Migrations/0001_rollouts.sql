CREATE TABLE dep_environment (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The pointer: what the environment runs. Null = nothing yet.
    release_digest TEXT,
    -- The rollout that put it there; its plan says how to serve it.
    stable_rollout_id TEXT,
    -- The rollout under way: at most one.
    rollout_id TEXT,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (project, name)
);
CREATE TABLE dep_rollout (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    release_digest TEXT NOT NULL,
    previous_release TEXT,
    status TEXT NOT NULL,
    -- How the release is served, as read from its commit: a rollback needs neither Git nor registry.
    plan TEXT NOT NULL,
    steps TEXT NOT NULL,
    current_step BIGINT NOT NULL,
    weight BIGINT NOT NULL,
    step_started_ms BIGINT NOT NULL,
    step_requests BIGINT NOT NULL,
    reason TEXT,
    end_reason TEXT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    finished_ms BIGINT
);
CREATE INDEX dep_rollout_environment ON dep_rollout (project, environment, id);
CREATE TABLE dep_rollout_event (
    rollout_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    message TEXT NOT NULL,
    weight BIGINT NOT NULL,
    PRIMARY KEY (rollout_id, seq)
);
