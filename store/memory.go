package store

import (
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Memory is a lock.Store that keeps everything in memory. Make it with NewMemory.
type Memory struct {
	mu      sync.RWMutex
	actions map[lock.ID]*row
	ids     []lock.ID // of actions, ascending
	lanes   map[lane]lock.ID
	keys    map[key]lock.ID
	events  []lock.Event // by position
	notices map[string]bool

	tiles       map[[2]int64][]byte // by level and number
	checkpoints []checkpoint        // by size
}

var _ lock.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		actions: map[lock.ID]*row{},
		lanes:   map[lane]lock.ID{},
		keys:    map[key]lock.ID{},
		notices: map[string]bool{},
		tiles:   map[[2]int64][]byte{},
	}
}

// row is one action. The decoded form is for filters and never leaves the store.
type row struct {
	data   []byte // JSON
	action lock.Action
	boxes  map[int]box
	events []int // positions, by Seq
	due    time.Time
	wake   int
}

type box struct {
	keyID  string
	sealed []byte
}

// lane and key are what may be there once.
type lane struct{ scope, device, name string }

type key struct{ scope, name string }

// laneOf is the lane that an action holds; its name is empty when it holds none.
func laneOf(a lock.Action) lane { return lane{a.Device.Scope, a.Device.ID, a.Lane} }

func micros(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
