SELECT count(*) FROM events WHERE action = ?1 AND seq = ?2 AND hash = ?3
