-- New actions, each with its event, its secrets and its key, or with nothing at all: what belongs to an action is written if the action was.
-- A key or a lane that somebody takes at this very moment is waited for; the key is then an error, and the next attempt sees it.
-- IN (...) IS TRUE keeps the planner to a hash table: it knows nothing of the length of the arrays. The zero time stands for none.
WITH unfit AS (
  SELECT action FROM unnest($24::text[], $28::boolean[]) AS s (action, replaces) WHERE replaces
), written AS (
  INSERT INTO actions (id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data)
  SELECT id, version, scope, device, serial, actor, kind, state, nullif(lane, ''), batch, ref, created, nullif(due, -62135596800000000), wake,
    data
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bytea[], $16::text[]) WITH ORDINALITY
    AS u (id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data, key, place)
  WHERE (key = '' OR (SELECT k.action FROM keys k WHERE k.scope = u.scope AND k.key = u.key) IS NULL)
    AND id NOT IN (SELECT action FROM unfit)
  ORDER BY place
  ON CONFLICT DO NOTHING
  RETURNING id
), recorded AS (
  INSERT INTO events (action, seq, type, time, scope, device, actor, prev, hash, body)
  SELECT id, version, type, time, scope, device, actor, prev, hash, body
  FROM unnest($1::text[], $2::bigint[], $17::text[], $18::bigint[], $3::text[], $19::text[], $20::text[], $21::bytea[], $22::bytea[],
    $23::bytea[]) WITH ORDINALITY AS u (id, version, type, time, scope, device, actor, prev, hash, body, place)
  WHERE (id IN (SELECT id FROM written)) IS TRUE
  ORDER BY place
  RETURNING id
), waiting AS (
  INSERT INTO outbox (event) SELECT id FROM recorded
), sealed AS (
  INSERT INTO secrets (action, n, key_id, box)
  SELECT action, n, key_id, box FROM unnest($24::text[], $25::bigint[], $26::text[], $27::bytea[]) AS s (action, n, key_id, box)
  WHERE (action IN (SELECT id FROM written)) IS TRUE
), keyed AS (
  INSERT INTO keys (scope, key, action)
  SELECT scope, key, id FROM unnest($3::text[], $16::text[], $1::text[]) AS u (scope, key, id)
  WHERE key <> '' AND (id IN (SELECT id FROM written)) IS TRUE
  ORDER BY scope COLLATE "C", key COLLATE "C"
)
SELECT id FROM written
