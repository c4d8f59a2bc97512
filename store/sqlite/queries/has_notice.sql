SELECT count(*) FROM events WHERE action IS NULL AND hash = ?1
