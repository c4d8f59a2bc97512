INSERT INTO keys (scope, key, action) VALUES (?1, ?2, ?3)
ON CONFLICT DO NOTHING
