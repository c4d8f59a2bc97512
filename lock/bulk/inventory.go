package bulk

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Chunk is how many devices are read, ordered and recorded at a time.
const Chunk = 1000

// Inventory knows the embedder's devices. It is called by one goroutine of a run at a time.
type Inventory interface {
	// Devices returns the devices of the selection in the scope whose ID comes after the given one, in the ascending byte order of their
	// IDs, with the facts that preflight reads: at most limit of them, and none when there are no more. Fewer than limit is not the end.
	// A device that is selected several times comes once. An ID of Selection.Devices that is unknown is left out.
	//
	// Each call may answer from what is true then: a device that comes or goes while a batch runs is ordered or not.
	Devices(ctx context.Context, scope string, s Selection, after string, limit int) ([]lock.Device, error)
}

// Selection says which devices: all that any of its parts names. The groups are the embedder's; only an Inventory understands them.
type Selection struct {
	Devices    []string `json:"devices,omitempty"`     // device IDs
	Groups     []Group  `json:"groups,omitempty"`      // groups of devices
	UserGroups []string `json:"user_groups,omitempty"` // groups of people: the devices that they use
}

// Group is one group of devices in a Selection.
type Group struct {
	ID        string `json:"id"`
	Subgroups bool   `json:"include_subgroups,omitempty"` // the groups below it too
}

// UnsortedError says that an Inventory broke the order of its contract. A run that went on could leave devices out, so it stops; what was
// ordered stays so.
type UnsortedError struct {
	After, Device string // Device came where an ID after After was due
}

// Error names both devices.
func (e *UnsortedError) Error() string {
	return fmt.Sprintf("the inventory gave device %q after %q: it must give them in the ascending byte order of their IDs "+
		"(in SQL: ORDER BY id COLLATE \"C\")", e.Device, e.After)
}
