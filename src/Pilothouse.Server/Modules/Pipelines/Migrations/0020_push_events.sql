-- The push and branch that a build was started for: told twice, it starts one.
ALTER TABLE pip_build ADD COLUMN event_id TEXT;
CREATE UNIQUE INDEX pip_build_event ON pip_build (project, connection, event_id);
