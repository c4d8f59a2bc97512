package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Purge says what a retention purge is about.
//
// Each action that has or had a secret is judged, and the first of these codes that is true of it is its own; all but the last keep it:
//
//   - already_purged: its secrets are gone
//   - held, live: it waits for a second person, or is what occupies its device now
//   - may_be_on_device: see Action.MayBeOnDevice; also when its acknowledgement came in after the device had been seen open, or
//     at the same microsecond
//   - escrow_in_force: what the device handed over was not withdrawn by it; what Service.KeepStray kept stays so
//   - too_young: something happened to it after Before
//   - legal_hold: see Service.Hold
//   - pin_in_use: another action of the device has the same PIN, and is live or may be on the device; or somebody opened the device with
//     this PIN (FeedbackWorked) though no release from it is on record, and no other PIN was delivered since: then the ledger is wrong
//     about it. Of a PIN that was released, before that was said or after, it says once more that the device is open, and keeps nothing:
//     that Candidates lists it first until another is delivered does not mean that it is in force
//   - last_confirmed: it is the PIN that the device confirmed last, and another may be on the device: it is not known to be open
//   - purged: its secrets are purged, or would be
type Purge struct {
	Scope   string    // required
	Devices []string  // their IDs; empty: all of the scope
	Before  time.Time // required: purge what nothing happened to after it; at least 24 hours ago
	Reason  string    // required: the rule or the request that this follows, at most 1,024 characters; kept in clear, so it must not say a PIN
	Apply   bool      // purge; false: a dry run, which changes nothing, and is not recorded
	// Each is called with every action as it is judged, in the goroutine of the caller: after its purge, if Apply, is durable. Code and Text
	// of the finding say what became of it. It may be nil, and gets no boxes.
	Each func(Action, Finding)
}

const (
	purgeSteps = 200 // actions, between two looks at the holds
	purgeDelay = 24 * time.Hour
)

// Purge takes the secrets of actions that ended long ago, and returns how many actions were judged what, by code. Actions and events stay;
// each purge is an event of its action, EventPurged, with actor and reason. A run that applies is a notice before its first purge, and one
// with its counts after the last. Stopped at any point, nothing is half done: call it again to go on.
//
// Every process on the ledger may work meanwhile: an action to which something happens as it is judged is judged again. It asks for the
// right to purge, which concerns all scopes.
func (s *Service) Purge(ctx context.Context, actor Actor, r Purge) (counts map[string]int, err error) {
	r.Before = r.Before.UTC().Truncate(time.Microsecond)
	if err := r.validate(s.now()); err != nil {
		return nil, err
	}
	if err := s.allow(ctx, actor, VerbPurge, Target{}); err != nil {
		return nil, err
	}
	p := purging{Service: s, request: r, actor: actor, counts: map[string]int{}}
	if err := p.note(ctx, "begun"); err != nil {
		return nil, err
	}
	for f := (Filter{Scope: r.Scope, Devices: r.Devices, Limit: purgeSteps}); ; {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return p.counts, err
		}
		if err := p.page(ctx, page); err != nil {
			return p.counts, err
		}
		if len(page) < f.PageSize() {
			return p.counts, p.note(ctx, "ended")
		}
		f.Before = page[len(page)-1].ID
	}
}

func (r Purge) validate(now time.Time) error {
	if err := checkText("scope", r.Scope, 64, true); err != nil {
		return err
	}
	if slices.Contains(r.Devices, "") {
		return &InputError{Field: "devices", Rule: "must be device IDs, none of them empty"}
	}
	switch {
	case r.Before.IsZero():
		return &InputError{Field: "before", Rule: "is required"}
	case r.Before.After(now.Add(-purgeDelay)):
		return &InputError{Field: "before", Rule: "must be at least 24 hours ago: what happened since is not for a purge"}
	}
	return checkText("reason", r.Reason, 1024, true)
}

// purging is one call of Purge.
type purging struct {
	*Service
	request Purge
	actor   Actor
	run     ID // the notice with which it began
	counts  map[string]int
	held    []Event                  // the legal holds, as of this step
	devices map[string]*deviceLedger // by their IDs, as of this step
}

// note records that the run begins, or has ended. A dry run leaves no trace.
func (p *purging) note(ctx context.Context, phase string) error {
	if !p.request.Apply {
		return nil
	}
	facts := map[string]string{"phase": phase, "before": p.request.Before.Format(time.RFC3339Nano)}
	if len(p.request.Devices) > 0 {
		facts["devices"] = clip(strings.Join(p.request.Devices, ", "), 1024)
	}
	if p.run != "" {
		facts["run"] = string(p.run)
	}
	for code, n := range p.counts {
		facts[code] = strconv.Itoa(n)
	}
	c, err := p.noticeChange(Event{Type: EventPurge, Actor: p.actor, Scope: p.request.Scope, Reason: p.request.Reason, Facts: facts})
	if err != nil {
		return err
	}
	if p.run == "" {
		p.run = c.Events[0].ID
	}
	return p.commit(ctx, c)
}

// page judges some actions, and again those that something else moved meanwhile.
func (p *purging) page(ctx context.Context, page []Action) error {
	for range attempts {
		moved, err := p.step(ctx, page)
		if err != nil || len(moved) == 0 {
			return err
		}
		page = page[:0]
		for _, a := range moved {
			if a, err = p.cfg.Store.Get(ctx, a.ID); err != nil {
				return err
			}
			page = append(page, a.withoutBoxes())
		}
	}
	return fmt.Errorf("%w: purge gave up on actions that something else moved %d times", ErrConflict, attempts)
}

// step judges each of some actions, and purges those that it may, in one commit. It returns those that were moved meanwhile.
func (p *purging) step(ctx context.Context, page []Action) (moved []Action, err error) {
	if p.held, err = p.holds.inForce(ctx, p.Service, p.request.Scope); err != nil {
		return nil, err
	}
	p.devices = map[string]*deviceLedger{}
	var due []Action
	for _, a := range page {
		if len(a.Secrets) == 0 {
			continue
		}
		verdict, err := p.judge(ctx, a)
		switch {
		case err != nil:
			return nil, err
		case verdict == purged && p.request.Apply:
			due = append(due, a)
		default:
			p.tell(a, verdict)
		}
	}
	return p.apply(ctx, due)
}

func (p *purging) apply(ctx context.Context, due []Action) (moved []Action, err error) {
	changes := make([]Change, len(due))
	for i, a := range due {
		e := Event{Type: EventPurged, Actor: p.actor, Reason: p.request.Reason, Facts: map[string]string{"run": string(p.run)}}
		for _, secret := range a.Secrets {
			e.Secrets = append(e.Secrets, Secret{N: secret.N, Name: secret.Name})
		}
		if changes[i], err = p.act(a, e); err != nil {
			return nil, err
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	errs, err := p.commitAll(ctx, changes)
	if err != nil {
		return nil, err
	}
	for i, err := range errs {
		switch {
		case err == nil:
			p.tell(changes[i].Actions[0], purged)
		case errors.Is(err, ErrConflict):
			moved = append(moved, due[i])
		default:
			return nil, err
		}
	}
	return moved, nil
}

func (p *purging) tell(a Action, v verdict) {
	p.counts[string(v)]++
	if p.request.Each == nil {
		return
	}
	f := Finding{Code: string(v), Level: LevelBlock, Text: v.words()}
	if v == purged {
		f.Level = LevelInfo
	}
	p.request.Each(a, f)
}
