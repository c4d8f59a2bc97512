INSERT INTO actions (id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
ON CONFLICT DO NOTHING
