-- Which runs read a registered data set. The beginning of the source is enough, and keeps the entries below what an index of PostgreSQL takes.
CREATE INDEX trk_dataset_source ON trk_dataset (substr(source, 1, 256));
CREATE INDEX trk_model_input_model ON trk_model_input (model);
CREATE INDEX trk_model_output_model ON trk_model_output (model);
CREATE INDEX trk_model_source ON trk_model (source_run);
