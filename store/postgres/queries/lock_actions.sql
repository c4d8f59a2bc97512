-- Whoever takes several rows takes them in one order.
SELECT FROM actions WHERE id = ANY ($1::text[]) ORDER BY scope, device, id FOR NO KEY UPDATE
