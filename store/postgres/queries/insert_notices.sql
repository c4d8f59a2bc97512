WITH recorded AS (
  INSERT INTO events (type, time, scope, device, actor, prev, hash, body)
  SELECT type, time, scope, device, actor, prev, hash, body
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[])
    WITH ORDINALITY AS u (type, time, scope, device, actor, prev, hash, body, place)
  ORDER BY place
  ON CONFLICT DO NOTHING
  RETURNING id, hash
), waiting AS (
  INSERT INTO outbox (event) SELECT id FROM recorded
)
SELECT encode(hash, 'hex') FROM recorded
