UPDATE secrets SET key_id = ?3, box = ?4 WHERE action = ?1 AND n = ?2
