CREATE INDEX dep_rollout_release ON dep_rollout (release_digest);
