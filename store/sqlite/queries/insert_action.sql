INSERT INTO actions (id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
