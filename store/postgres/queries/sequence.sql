-- Whoever runs this holds the lock, taken in a statement before it: so it sees every position that was given. What the outbox shows is
-- committed, and of an action's events the earlier ones are not below it but here or in the log: their ids are smaller.
WITH moved AS (
  DELETE FROM outbox WHERE event IN (SELECT event FROM outbox ORDER BY event LIMIT $1) RETURNING event
)
INSERT INTO log (position, event, type)
SELECT (SELECT coalesce(max(position), -1) FROM log) + row_number() OVER (ORDER BY event), event, type
FROM moved JOIN events ON id = event
