SELECT l.position, e.prev, e.hash, e.body FROM log l JOIN events e ON e.id = l.event WHERE l.position >= $1 ORDER BY l.position LIMIT $2
