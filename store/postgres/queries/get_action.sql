SELECT a.data, a.due, a.wake, s.n, s.box
FROM actions a LEFT JOIN secrets s ON s.action = a.id
WHERE a.id = $1
