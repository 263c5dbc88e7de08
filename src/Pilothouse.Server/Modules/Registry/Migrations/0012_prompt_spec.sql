-- Of a prompt: JSON with the types of its variables and its model parameters; null = all are required strings, and there are none.
ALTER TABLE reg_version ADD COLUMN spec TEXT;
