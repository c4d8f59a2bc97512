INSERT INTO events (position, action, seq, type, time, scope, device, actor, prev, hash, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
