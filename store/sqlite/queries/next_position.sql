-- One writer at a time, and no event is ever deleted: positions have no gaps.
SELECT coalesce(max(position), -1) + 1 FROM events
