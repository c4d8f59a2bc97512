SELECT note FROM log_checkpoints WHERE size > ?1 ORDER BY size LIMIT ?2
