-- Runs by a param or tag. The beginning of the value is enough to find them, and keeps the entries below what an index of PostgreSQL takes.
CREATE INDEX trk_param_value ON trk_param (key, substr(value, 1, 200), run);
CREATE INDEX trk_tag_value ON trk_tag (key, substr(value, 1, 200), run);
