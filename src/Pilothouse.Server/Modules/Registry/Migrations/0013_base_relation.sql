-- How a model was made from its base model: finetune, adapter, quantized or merge.
ALTER TABLE reg_version ADD COLUMN base_relation TEXT;
