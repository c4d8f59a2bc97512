INSERT INTO log_tiles (level, n, hashes) VALUES (?1, ?2, ?3)
ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes
