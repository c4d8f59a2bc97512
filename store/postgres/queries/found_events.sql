SELECT encode(e.hash, 'hex') FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS u (action, seq, hash)
JOIN events e ON e.action = u.action AND e.seq = u.seq AND e.hash = u.hash
UNION ALL
SELECT encode(e.hash, 'hex') FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS u (action, seq, hash)
JOIN events e ON e.action IS NULL AND u.action = '' AND e.hash = u.hash
