package locked

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Sort is an order of rows.
type Sort string

// The orders.
const (
	Newest  Sort = "newest"  // by Row.Since, the last first: the default
	Oldest  Sort = "oldest"  // by Row.Since, the first first
	ByName  Sort = "name"    // of the device, when the lock was ordered
	ByUser  Sort = "user"    // of the device, when the lock was ordered
	Unseen  Sort = "unseen"  // the devices that were not seen for the longest time first
	Reveals Sort = "reveals" // the PINs that were revealed most often first
)

// Sorts are all orders.
func Sorts() []Sort { return []Sort{Newest, Oldest, ByName, ByUser, Unseen, Reveals} }

// Query selects and orders rows. Zero fields select everything.
type Query struct {
	State    lock.State    // held, queued, issued or confirmed
	Search   string        // in the device's name, serial number, user and ID when the lock was ordered, in its ticket and who ordered it
	Revealed *bool         // somebody has read the PIN
	PINHeld  *bool         // the PIN is in the ledger
	Age      time.Duration // in its state for at least as long, at Now
	Now      time.Time     // required with Age
	Sort     Sort
	After    string // Page.Next
	Limit    int    // rows of a page; 0: 100, never more than 1,000
}

// States are the states that a live lock can be in.
func States() []lock.State {
	return []lock.State{lock.StateHeld, lock.StateQueued, lock.StateIssued, lock.StateConfirmed}
}

func (q Query) pageSize() int {
	if q.Limit <= 0 {
		return 100
	}
	return min(q.Limit, maxLimit)
}

func (q Query) selects(a lock.Action) bool {
	held := retention.HasPIN(a) && !retention.IsPurged(a)
	switch {
	case q.State != "" && a.State != q.State:
		return false
	case q.Revealed != nil && *q.Revealed != (a.Disclosures > 0):
		return false
	case q.PINHeld != nil && *q.PINHeld != held:
		return false
	case q.Age > 0 && since(a).After(q.Now.Add(-q.Age)):
		return false
	case q.Search == "":
		return true
	}
	d := a.Device
	text := strings.Join([]string{d.Name, d.Serial, d.User, d.ID, a.Ticket, a.By.ID, a.By.Name}, "\n")
	return strings.Contains(strings.ToLower(text), strings.ToLower(strings.TrimSpace(q.Search)))
}

func (q Query) validate() error {
	if q.State != "" && !slices.Contains(States(), q.State) {
		return &lock.InputError{Field: "state", Rule: "must be held, queued, issued or confirmed"}
	}
	return nil
}

// order is how a query orders rows.
type order struct {
	after  place
	device bool // what the inventory knows is needed
	key    func(lock.Action, inventory.Device) string
}

func (o order) place(a lock.Action, d inventory.Device) place { return place{o.key(a, d), a.ID} }

func (q Query) order() (order, error) {
	var o order
	if err := q.validate(); err != nil {
		return o, err
	}
	switch q.Sort {
	case "", Newest:
		o.key = func(a lock.Action, _ inventory.Device) string { return number(-since(a).UnixMicro()) }
	case Oldest:
		o.key = func(a lock.Action, _ inventory.Device) string { return number(since(a).UnixMicro()) }
	case ByName:
		o.key = func(a lock.Action, _ inventory.Device) string { return strings.ToLower(a.Device.Name) }
	case ByUser:
		o.key = func(a lock.Action, _ inventory.Device) string { return strings.ToLower(a.Device.User) }
	case Reveals:
		o.key = func(a lock.Action, _ inventory.Device) string { return number(-int64(a.Disclosures)) }
	case Unseen:
		o.device = true
		o.key = func(_ lock.Action, d inventory.Device) string { return number(d.LastSeen.UnixMicro()) } // of one that is gone, long ago
	default:
		return o, &lock.InputError{Field: "sort", Rule: "must be newest, oldest, name, user, unseen or reveals"}
	}
	if q.After == "" {
		return o, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(q.After)
	if err == nil {
		err = json.Unmarshal(text, &o.after)
	}
	if err != nil {
		return o, &lock.InputError{Field: "cursor", Rule: "must be what next_cursor was"}
	}
	return o, nil
}

// number writes a number so that the order of the texts is that of the numbers.
func number(n int64) string {
	const sign = 1 << 63
	return fmt.Sprintf("%016x", uint64(n)^sign)
}

func (p place) cursor() string {
	text, _ := json.Marshal(p) // two strings
	return base64.RawURLEncoding.EncodeToString(text)
}
