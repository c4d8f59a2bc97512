-- Actions that go one event further, each with its event, the secrets that the event names and its key, or not at all: as in
-- insert_actions.sql. An action that is not at the version before, a lane or a key that is taken, a secret that is there or that is not there
-- to be replaced: nothing is written.
WITH unfit AS (
  SELECT s.action
  FROM unnest($24::text[], $25::bigint[], $28::boolean[]) AS s (action, n, replaces)
  LEFT JOIN secrets x ON x.action = s.action AND x.n = s.n
  WHERE (x.n IS NOT NULL) <> s.replaces
), written AS (
  UPDATE actions a
  SET version = u.version, scope = u.scope, device = u.device, serial = u.serial, actor = u.actor, kind = u.kind, state = u.state,
    lane = nullif(u.lane, ''), batch = u.batch, ref = u.ref, created = u.created, due = nullif(u.due, -62135596800000000), wake = u.wake,
    data = u.data
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bytea[], $16::text[])
    AS u (id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data, key)
  WHERE a.id = u.id AND a.version = u.version - 1
    AND coalesce(
      (SELECT h.id FROM actions h WHERE h.scope = u.scope AND h.device = u.device AND h.lane = nullif(u.lane, '')), u.id) = u.id
    AND (u.key = '' OR (SELECT k.action FROM keys k WHERE k.scope = u.scope AND k.key = u.key) IS NULL)
    AND u.id NOT IN (SELECT action FROM unfit)
  RETURNING a.id
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
  SELECT action, n, key_id, box
  FROM unnest($24::text[], $25::bigint[], $26::text[], $27::bytea[], $28::boolean[]) AS s (action, n, key_id, box, replaces)
  WHERE NOT replaces AND (action IN (SELECT id FROM written)) IS TRUE
), replaced AS (
  UPDATE secrets x SET key_id = s.key_id, box = s.box
  FROM unnest($24::text[], $25::bigint[], $26::text[], $27::bytea[], $28::boolean[]) AS s (action, n, key_id, box, replaces)
  WHERE x.action = s.action AND x.n = s.n AND s.replaces AND (s.action IN (SELECT id FROM written)) IS TRUE
), keyed AS (
  INSERT INTO keys (scope, key, action)
  SELECT scope, key, id FROM unnest($3::text[], $16::text[], $1::text[]) AS u (scope, key, id)
  WHERE key <> '' AND (id IN (SELECT id FROM written)) IS TRUE
  ORDER BY scope COLLATE "C", key COLLATE "C"
)
SELECT id FROM written
