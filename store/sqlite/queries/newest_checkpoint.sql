SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1
