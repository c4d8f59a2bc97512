package store

import (
	"bytes"
	"context"
	"slices"
)

// checkpoint is a signed statement of the Merkle log over the events.
type checkpoint struct {
	size int64
	note []byte
}

// Checkpoint returns the newest signed checkpoint of the log over the events (package auditlog) and the size of its tree; 0 and nil when
// there is none.
func (m *Memory) Checkpoint(ctx context.Context) (int64, []byte, error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	newest := m.newest()
	return newest.size, bytes.Clone(newest.note), nil
}

func (m *Memory) newest() checkpoint {
	if len(m.checkpoints) == 0 {
		return checkpoint{}
	}
	return m.checkpoints[len(m.checkpoints)-1]
}

// Checkpoints returns the checkpoints of trees larger than above, smallest first, at most limit.
func (m *Memory) Checkpoints(ctx context.Context, above int64, limit int) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var notes [][]byte
	first, _ := slices.BinarySearchFunc(m.checkpoints, above+1, func(c checkpoint, size int64) int { return int(c.size - size) })
	for _, c := range m.checkpoints[first:] {
		if len(notes) == limit {
			break
		}
		notes = append(notes, bytes.Clone(c.note))
	}
	return notes, nil
}

// Tile returns the hashes of a tile of the log's tree as far as it is filled; nil when there is none.
func (m *Memory) Tile(ctx context.Context, level int, n int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return bytes.Clone(m.tiles[[2]int64{int64(level), n}]), nil
}

// Grow stores tiles and a checkpoint of size to, if the newest checkpoint is of size from.
func (m *Memory) Grow(ctx context.Context, from, to int64, tiles map[[2]int64][]byte, note []byte) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newest().size != from {
		return false, nil
	}
	for at, hashes := range tiles {
		m.tiles[at] = bytes.Clone(hashes)
	}
	m.checkpoints = append(m.checkpoints, checkpoint{to, bytes.Clone(note)})
	return true, nil
}

// Scan calls row for every event from a position on, with what is stored.
func (m *Memory) Scan(ctx context.Context, from int64, row func(position int64, prev, hash, body []byte) error) error {
	m.mu.RLock()
	events := m.events // what is in it is never changed
	m.mu.RUnlock()
	for _, e := range events[min(max(0, from), int64(len(events))):] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := row(e.Position, e.Prev, e.Hash, e.Body); err != nil {
			return err
		}
	}
	return nil
}
