INSERT INTO log_checkpoints (size, note) VALUES (?1, ?2)
