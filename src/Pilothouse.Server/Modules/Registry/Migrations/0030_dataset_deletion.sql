-- A version that was deleted: its number and what became of it are known for ever, its files are nobody's.
ALTER TABLE reg_dataset_version ADD COLUMN deleted_ms BIGINT;
