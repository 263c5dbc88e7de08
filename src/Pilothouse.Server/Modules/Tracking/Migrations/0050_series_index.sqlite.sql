-- Long series summarised for charts: a row holds up to 512 chunks of 1,024 points each, in the order of trk_metric, ending at the point last_*.
-- Derived, and dropped from the place on where a late point arrives.
CREATE TABLE trk_series_index (
    run BIGINT NOT NULL, key BIGINT NOT NULL, part BIGINT NOT NULL, last_ms BIGINT NOT NULL, last_step BIGINT NOT NULL, last_value DOUBLE PRECISION NOT NULL, last_nan BIGINT NOT NULL,
    chunks BLOB NOT NULL,
    PRIMARY KEY (run, key, part)
) WITHOUT ROWID;
