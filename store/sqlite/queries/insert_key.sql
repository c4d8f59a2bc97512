INSERT INTO keys (scope, key, action)
VALUES (?, ?, ?)
ON CONFLICT DO NOTHING
