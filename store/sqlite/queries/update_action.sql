-- OR IGNORE: a lane that is taken is zero rows, as a version that is not the one before.
UPDATE OR IGNORE actions
SET version = ?2, scope = ?3, device = ?4, serial = ?5, actor = ?6, kind = ?7, state = ?8, lane = ?9, batch = ?10, ref = ?11,
    created = ?12, due = ?13, wake = ?14, data = ?15
WHERE id = ?1 AND version = ?2 - 1
