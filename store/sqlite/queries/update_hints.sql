UPDATE actions SET due = ?3, wake = ?4 WHERE id = ?1 AND version = ?2
