SELECT position, prev, hash, body FROM events WHERE position >= ?1 ORDER BY position LIMIT ?2
