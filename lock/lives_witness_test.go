package lock_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// witness is the store that all processes share. It sees each change that is stored, and holds it to the invariants. It knows every PIN,
// because the processes seal through it (see spy).
type witness struct {
	lock.Store
	judge func(before lock.Action, e lock.Event, c lock.Change) string // what is wrong with an event, by what is true of the device

	mu     sync.Mutex
	ids    []lock.ID // of the actions, in the order in which they came into being
	fold   map[lock.ID]lock.Action
	events map[string]bool     // by hash
	lanes  map[[3]string]bool  // scope, device and lane
	codes  map[secretOf]string // what is sealed in the ledger
	sealed map[secretOf]string // what was sealed, whatever became of it
	digits []string            // every PIN there ever was
	left   map[lock.ID]int     // commands that left
	told   map[lock.ID]int     // PINs that people were given
	wrong  []string
}

// secretOf names a secret.
type secretOf struct {
	action lock.ID
	n      int
}

func newWitness(st lock.Store, judge func(lock.Action, lock.Event, lock.Change) string) *witness {
	return &witness{
		Store: st, judge: judge,
		fold: map[lock.ID]lock.Action{}, events: map[string]bool{}, lanes: map[[3]string]bool{},
		codes: map[secretOf]string{}, sealed: map[secretOf]string{}, left: map[lock.ID]int{}, told: map[lock.ID]int{},
	}
}

// spy is a keyring that lets the witness know what it seals.
type spy struct {
	pin.Sealer
	w *witness
}

func (s spy) Seal(ctx context.Context, secret pin.PIN, b pin.Binding) (pin.Box, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	code := secret.Expose()
	s.w.sealed[secretOf{lock.ID(b.Action), b.Secret}] = code
	if !slices.Contains(s.w.digits, code) {
		s.w.digits = append(s.w.digits, code)
	}
	return s.Sealer.Seal(ctx, secret, b)
}

// everyKey opens all boxes, whoever sealed them.
func everyKey() pin.Sealer { return locktest.Keyring("k0", "k1", "k2") }

// Commit is lock.Store's. What is stored is looked at before anybody else sees it.
func (w *witness) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	errs, err := w.Store.Commit(ctx, changes)
	for i := range errs {
		if err == nil && errs[i] == nil {
			w.stored(ctx, changes[i])
		}
	}
	return errs, err
}

func (w *witness) stored(ctx context.Context, c lock.Change) {
	if len(c.Events) == 0 {
		for _, a := range c.Actions {
			w.hold(equalActions(a, w.fold[a.ID]), "I3: more than the hints of %s moved without an event", w.called(a.ID))
		}
		return
	}
	if w.events[string(c.Events[0].Hash)] {
		return // it was stored before, and its answer got lost
	}
	for i, e := range c.Events {
		w.events[string(e.Hash)] = true
		w.find("an event of type "+string(e.Type), string(e.Body))
		if i < len(c.Actions) {
			w.note(w.judge(w.fold[e.Action], e, c))
			w.follow(ctx, c.Actions[i], e)
		} else {
			w.note(w.judge(lock.Action{}, e, c))
			w.hold(e.Action == "", "I3: an event of %s stands beside no change of it", w.called(e.Action))
		}
	}
}

// follow holds an action to what its event says.
func (w *witness) follow(ctx context.Context, a lock.Action, e lock.Event) {
	before, known := w.fold[a.ID]
	if !known {
		w.ids = append(w.ids, a.ID)
	}
	after, err := before.Apply(e)
	w.hold(err == nil, "I3: %s of %s is stored and is no next step: %v", e.Type, w.called(a.ID), err)
	w.hold(equalActions(a, after), "I3: %s is not what its events make it, since %s", w.called(a.ID), e.Type)
	w.hold(bytes.Equal(e.Prev, chained(before)), "I3: %s of %s does not follow its last event", e.Type, w.called(a.ID))
	w.fold[a.ID] = after
	w.secrets(ctx, before, a, e)
	w.lane(before, after)
	row, _ := json.Marshal(a)
	w.find("the row of an action", string(row))
	switch e.Type {
	case lock.EventIssued, lock.EventRedelivered:
		w.hold(e.Delivery == before.Deliveries+1, "I6: delivery %d of %s comes after %d", e.Delivery, w.called(a.ID), before.Deliveries)
		w.hold(after.Deliveries-after.Deferrals <= map[bool]int{false: 3, true: 2}[a.Returns], "%s is delivered too often", w.called(a.ID))
	case lock.EventAcknowledged:
		want := lock.StateConfirmed
		if before.State == lock.StateReleased {
			want = lock.StateReleased
		}
		w.hold(after.State == want, "I7: %s is %s, and its device acknowledged it", w.called(a.ID), after.State)
	}
}

func chained(a lock.Action) []byte {
	if a.Version == 0 {
		return make([]byte, sha256.Size)
	}
	return a.Head
}

// secrets holds that what an event seals opens to what was sealed, and that none goes but by a purge.
func (w *witness) secrets(ctx context.Context, before, a lock.Action, e lock.Event) {
	w.hold(len(a.Secrets) >= len(before.Secrets), "I2: a secret of %s is gone", w.called(a.ID))
	for _, named := range e.Secrets {
		of := secretOf{a.ID, named.N}
		if e.Type == lock.EventPurged {
			delete(w.codes, of)
			continue
		}
		code, err := unboxed(ctx, a, named.N)
		want, kept := w.codes[of]
		if !kept {
			want = w.sealed[of]
		}
		w.hold(err == nil && code == want, "I2: secret %d of %s does not open to what it was, since %s: %v", named.N, w.called(a.ID), e.Type, err)
		w.codes[of] = want
	}
}

// unboxed opens a secret of an action that has its boxes.
func unboxed(ctx context.Context, a lock.Action, n int) (string, error) {
	b := pin.Binding{Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: n}
	code, err := everyKey().Open(ctx, a.Secrets[n-1].Box, b)
	if err != nil {
		return "", err
	}
	return code.Expose(), nil
}

func (w *witness) lane(before, after lock.Action) {
	of := func(a lock.Action) [3]string { return [3]string{a.Device.Scope, a.Device.ID, a.Lane} }
	if before.Lane != "" {
		delete(w.lanes, of(before))
	}
	if after.Lane != "" {
		w.hold(!w.lanes[of(after)], "I5: %s takes a lane that is taken", w.called(after.ID))
		w.lanes[of(after)] = true
	}
}

// leave is a command that leaves for its device, and returns its PIN.
func (w *witness) leave(ctx context.Context, cmd lock.Command) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var c locktest.Command
	w.hold(json.Unmarshal(cmd.Body, &c) == nil && c.ID == cmd.ID, "the command is one of %s", w.called(cmd.ID))
	a, err := w.Get(ctx, cmd.ID)
	w.hold(err == nil, "I1: %s leaves and is not in the ledger: %v", w.called(cmd.ID), err)
	if c.PIN != "" && err == nil {
		code, err := unboxed(ctx, a, 1)
		w.hold(err == nil && code == c.PIN, "I1: %s leaves with a PIN that the ledger does not have: %v", w.called(cmd.ID), err)
	}
	w.left[cmd.ID]++
	w.hold(w.left[cmd.ID] <= a.Deliveries, "I6: %s leaves for the %dth time, and %d deliveries are claimed", w.called(cmd.ID), w.left[cmd.ID], a.Deliveries)
	return c.PIN
}

// disclose is a PIN that a person is given.
func (w *witness) disclose(id lock.ID, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told[id]++
	w.hold(w.codes[w.pinOf(id)] == code, "what is revealed of %s is not its PIN", w.called(id))
	w.hold(w.told[id] <= w.fold[id].Disclosures, "I3: a PIN of %s is given out without an event", w.called(id))
}

// unreadable names the secrets of an action that the store does not have as they were.
func (w *witness) unreadable(ctx context.Context, id lock.ID) (lost []string) {
	a, err := w.Get(ctx, id)
	if err != nil {
		return []string{err.Error()}
	}
	for _, s := range a.Secrets {
		want, kept := w.codes[secretOf{id, s.N}]
		if !kept {
			continue // purged
		}
		if code, err := unboxed(ctx, a, s.N); err != nil || code != want {
			lost = append(lost, fmt.Sprintf("I2: secret %d of %s: %v", s.N, w.called(id), err))
		}
	}
	return lost
}

// scan looks for PINs where none may be.
func (w *witness) scan(where, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.find(where, text)
}

func (w *witness) find(where, text string) {
	dense := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
	for i, code := range w.digits {
		w.hold(!strings.Contains(text, code) && !strings.Contains(dense, code), "I4: PIN %d stands in %s", i+1, where)
	}
}

// hold notes what does not hold. Calls come from other goroutines too, so that it cannot fail the test itself.
func (w *witness) hold(holds bool, format string, args ...any) {
	if !holds {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// note adds a complaint, if it is one.
func (w *witness) note(complaint string) { w.hold(complaint == "", "%s", complaint) }

func (w *witness) complaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong
}

// action is what its events make it.
func (w *witness) action(id lock.ID) lock.Action {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fold[id]
}

// of lists the actions of a device, oldest first.
func (w *witness) of(device string) (found []lock.Action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range w.ids {
		if a := w.fold[id]; device == "" || a.Device.ID == device {
			found = append(found, a)
		}
	}
	return found
}

// name says which action it is, in a story.
func (w *witness) name(id lock.ID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.called(id)
}

func (w *witness) called(id lock.ID) string {
	return fmt.Sprintf("%s %d", w.fold[id].Kind, slices.Index(w.ids, id)+1)
}

// pin says which PIN it is, in a story.
func (w *witness) pin(code string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("PIN %d", slices.Index(w.digits, code)+1)
}

func (w *witness) summary() string {
	var out strings.Builder
	for _, a := range w.of("") {
		fmt.Fprintf(&out, "     %s of %s: %s, delivered %d times, answered %d times\n", w.name(a.ID), a.Device.ID, a.State, a.Deliveries, a.Answers)
	}
	return out.String()
}

// equalActions compares what is kept of two actions.
func equalActions(a, b lock.Action) bool {
	x, err := json.Marshal(a)
	y, other := json.Marshal(b)
	return err == nil && other == nil && bytes.Equal(x, y)
}

// code is the PIN that the ledger keeps of an action; empty: none.
func (w *witness) code(id lock.ID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.codes[w.pinOf(id)]
}

// pinOf is the newest PIN of an action.
func (w *witness) pinOf(id lock.ID) secretOf {
	for _, s := range slices.Backward(w.fold[id].Secrets) {
		if s.Name == lock.SecretPIN {
			return secretOf{id, s.N}
		}
	}
	return secretOf{id, 0}
}
