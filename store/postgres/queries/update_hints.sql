UPDATE actions a
SET due = nullif(u.due, -62135596800000000), wake = u.wake
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS u (id, version, due, wake)
WHERE a.id = u.id AND a.version = u.version
RETURNING a.id
