INSERT INTO secrets (action, n, key_id, box)
VALUES (?, ?, ?, ?)
ON CONFLICT (action, n) DO NOTHING
