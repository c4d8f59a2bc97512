INSERT INTO secrets (action, n, key_id, box) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (action, n) DO NOTHING
