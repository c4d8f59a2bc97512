-- One writer at a time, and no event is ever deleted: the next position is free, and positions have no gaps.
INSERT INTO events (position, action, seq, type, time, scope, device, actor, prev, hash, body)
VALUES ((SELECT coalesce(max(position), -1) + 1 FROM events), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT DO NOTHING
