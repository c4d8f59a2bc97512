package lock

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"strings"
	"time"
)

const (
	wakeTimeout  = 10 * time.Second
	longestPause = 24 * time.Hour // between two wake-ups, before jitter; a provider that asks for more is asked again all the same
)

// course says what is next for a due action: the change that moves it, and whether it is attended to then. An action of a platform that
// is not configured here stays where it is, unless its deadline passed.
func (s *Service) course(ctx context.Context, a Action) (c Change, attend bool, err error) {
	p, known := s.platforms[a.Device.Platform]
	e, over, err := s.over(ctx, a, p)
	if err != nil {
		return c, false, err
	}
	if over && (e.Type != EventLapsed || p.Sender != nil || !s.now().Before(a.NotAfter)) {
		c, err := s.act(a, e)
		if err != nil {
			return c, false, err
		}
		c = s.toFollow(c)
		return c, !c.Actions[0].Due.IsZero(), nil
	}
	judged := a.State != StateHeld || a.HeldBy != ""
	a.Wake++
	switch {
	case !known, !judged:
		a.Due, attend = s.capped(a, s.now().Add(backoff(a.ID, a.Wake))), true
	case a.State == StateHeld:
		a.Due = s.heldUntil(a)
	case a.waits() && !p.calls():
		a.Due = a.NotAfter
	case a.waits():
		a.Due, attend = s.capped(a, s.now().Add(backoff(a.ID, a.Wake))), true
	case p.follows(a):
		a.Due, attend = s.followAt(a), true
	default:
		a.Due = s.probeAt(a, a.Wake)
		attend = !a.Due.IsZero()
	}
	return Change{Actions: []Action{a}}, attend, nil
}

// calls reports whether Run does something for what waits, but to end it: it wakes the device, or sends the command.
func (p Platform) calls() bool { return p.Waker != nil || p.Sender != nil }

// waits reports whether the action has a command for its device, which is to come for it.
func (a Action) waits() bool { return a.State == StateQueued || a.State == StateIssued }

// capped is the time, or the end of an action that ends by itself, if that is earlier.
func (s *Service) capped(a Action, due time.Time) time.Time {
	end := a.NotAfter
	switch {
	case a.State == StateHeld:
		end = s.heldUntil(a)
	case !a.waits():
		return due
	}
	if !end.IsZero() && due.After(end) {
		return end
	}
	return due
}

// backoff is the pause after the nth wake-up: 30 seconds, 2, 8 and 30 minutes, then a day, each up to a fifth longer.
func backoff(id ID, n int) time.Duration {
	steps := [...]time.Duration{rewake, 2 * time.Minute, 8 * time.Minute, 30 * time.Minute}
	pause := longestPause
	if n <= len(steps) {
		pause = steps[max(n, 1)-1]
	}
	return jittered(id, n, pause, 0.2)
}

// jittered is the pause and up to that share of it more, so that what was ordered together does not stay together. It follows from the
// action and the number.
func jittered(id ID, n int, pause time.Duration, share float64) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	_, _ = h.Write([]byte{byte(n), byte(n >> 8)})
	part := float64(h.Sum32()) / (1 << 32)
	return (pause + time.Duration(part*share*float64(pause))).Truncate(time.Microsecond)
}

// attend does what is due for one action, as it is by now. ErrConflict means that something else moved it first, which is as good.
func (r *runner) attend(ctx context.Context, j *job, as claim) error {
	defer j.drop() // if it comes to no wake-up
	s := r.svc
	a, err := s.cfg.Store.Get(ctx, j.id)
	switch {
	case err != nil:
		return err
	case j.urgent && (a.Due.IsZero() || a.Due.After(s.now())), !j.urgent && (!a.Due.Equal(as.due) || a.Deliveries != as.deliveries):
		return nil // the device came, or another process attends to it
	case a.State == StateHeld && !j.urgent:
		j.again = true
		return s.judgeHeld(ctx, a)
	case j.urgent:
		return r.attendNow(ctx, j, a)
	}
	b := r.breakers.of(a)
	if outcome, until := b.waits(); outcome != "" && j.probe == nil {
		return s.postpone(ctx, a, outcome, until)
	}
	return r.wake(ctx, j, b, a)
}

// attendNow attends to an action that nobody has claimed.
func (r *runner) attendNow(ctx context.Context, j *job, a Action) error {
	s := r.svc
	c, attend, err := s.course(ctx, a)
	if err != nil {
		return err
	}
	b := r.breakers.of(a)
	if attend && a.State != StateHeld {
		switch pass, outcome, until := b.admit(s.now(), true); pass {
		case passBusy:
			return nil // it is due still
		case passRefused:
			if c, err = s.postponedBut(ctx, a, c, outcome, until); err != nil {
				return err
			}
			attend = false
		case passProbe:
			j.probe = b
		}
	}
	if err := s.commit(ctx, c); err != nil || !attend {
		return err
	}
	if a.State == StateHeld {
		j.again = true
		return s.judgeHeld(ctx, c.Actions[0])
	}
	return r.wake(ctx, j, b, c.Actions[0])
}

// wake tells the device to come, or the provider what it is to do. How that went is recorded when its class changes; a wake-up never
// changes the action's state.
func (r *runner) wake(ctx context.Context, j *job, b *breaker, a Action) error {
	s := r.svc
	began := s.now()
	a, o, err := s.reach(ctx, a)
	if err != nil || ctx.Err() != nil {
		return err // what we broke off says nothing of the device
	}
	if o.failed() && a.WakeOutcome != o.class {
		s.cfg.Logger.WarnContext(ctx, "wake-up failed",
			slog.String("action", string(a.ID)), slog.String("device", a.Device.ID), slog.String("outcome", o.class), slog.Any("error", o.err))
	}
	probe := j.probe != nil
	j.probe = nil
	if until, failed := b.failed(began, s.now(), o, probe); failed {
		if err := s.postpone(ctx, a, o.class, until); err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
		return s.alarmProvider(ctx, b, a, o.class)
	}
	switch {
	case o.answered:
		if waited := b.answered(s.now(), probe); len(waited) > 0 {
			defer s.resume(ctx, a, waited)
		}
	case probe: // it says nothing of the provider, so another one must
		b.release()
	}
	return s.woken(ctx, a, o)
}

// reach does for an action that is due what its platform does: it wakes the device, sends the command or asks for its result. The action is
// as it is then. An error is ours, and no outcome.
func (s *Service) reach(ctx context.Context, a Action) (Action, wakeOutcome, error) {
	p := s.platforms[a.Device.Platform]
	switch {
	case p.Sender != nil && !a.probed():
		a, o, err := s.send(ctx, p, a)
		if !o.failed() && a.WakeOutcome == "" {
			o.class = "" // that it was sent is on record already
		}
		return a, o, err
	case p.Waker == nil:
		return a, wakeOutcome{class: a.WakeOutcome}, nil
	}
	return a, outcomeOf(bounded(ctx, func(ctx context.Context) error { return p.Waker.Wake(ctx, a.Device) })), nil
}

// bounded gives a provider its time.
func bounded(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	return call(ctx)
}

// wakeOutcome is how a wake-up went.
type wakeOutcome struct {
	err      error
	class    string
	after    time.Duration // the provider wants no other before
	provider bool          // it would have failed for every device
	answered bool          // the provider did its work, whatever it said of the device
	silent   bool          // the provider was asked, and did not do its work
}

func (o wakeOutcome) failed() bool { return o.err != nil }

// outcomeOf reads what the errors of a Waker may say: see Waker.
func outcomeOf(err error) wakeOutcome {
	if err == nil {
		return wakeOutcome{class: "sent", answered: true}
	}
	o := wakeOutcome{err: err, class: "failed", silent: errors.Is(err, context.DeadlineExceeded)}
	if o.silent {
		o.class = "timeout"
	}
	var named interface{ WakeOutcome() string }
	if errors.As(err, &named) {
		o.class = cmp.Or(strings.TrimSpace(clip(named.WakeOutcome(), 64)), o.class)
	}
	var patient interface{ RetryAfter() time.Duration }
	if errors.As(err, &patient) {
		o.after = min(patient.RetryAfter(), longestPause)
	}
	var blamed interface{ ProviderFailure() bool }
	o.provider = errors.As(err, &blamed) && blamed.ProviderFailure()
	var troubled interface{ ProviderTrouble() bool }
	o.silent = o.silent || errors.As(err, &troubled) && troubled.ProviderTrouble()
	var answered interface{ ProviderAnswered() bool }
	o.answered = !o.provider && errors.As(err, &answered) && answered.ProviderAnswered()
	o.silent = o.silent && !o.answered // what ran out of time after an answer
	return o
}

// woken records the class of a wake-up when it changed, and moves the next one if the provider asked for that.
func (s *Service) woken(ctx context.Context, claimed Action, o wakeOutcome) error {
	if !claimed.toShow(o.class) && o.after <= 0 {
		return nil
	}
	_, err := s.update(ctx, claimed, func(a Action) (c Change, err error) {
		due := a.Due
		next := s.capped(a, s.now().Add(jittered(a.ID, a.Wake, o.after, 0.2)))
		if o.after > 0 && !due.IsZero() && due.Equal(claimed.Due) && next.After(due) {
			due = next
		}
		switch {
		case a.toShow(o.class):
			if c, err = s.show(a, o.class); err != nil {
				return Change{}, err
			}
		case due.Equal(a.Due):
			return Change{}, nil
		default:
			c.Actions = []Action{a}
		}
		c.Actions[0].Due = due
		return c, nil
	})
	return err
}

// toShow reports whether the class of the last wake-up is another than the action shows.
func (a Action) toShow(class string) bool { return a.WakeOutcome != class && a.Lane != "" }

// show is the change that writes the class beside the state.
func (s *Service) show(a Action, class string) (Change, error) {
	return s.act(a, Event{Type: EventWoken, Actor: Actor{ID: actorSystem}, Facts: map[string]string{"outcome": class}})
}

// postponed is the change of an action whose wake-up has to wait until the provider works: it shows why.
func (s *Service) postponed(a Action, class string, until time.Time) (c Change, err error) {
	c.Actions = []Action{a}
	if a.toShow(class) {
		if c, err = s.show(a, class); err != nil {
			return Change{}, err
		}
	}
	spread := max(0, min(until.Sub(s.now())/10, time.Minute)) // who is first, and so the next probe, differs from time to time
	c.Actions[0].Due = s.capped(a, until.Add(jittered(a.ID, int(until.Unix()), spread, 1)-spread))
	return c, nil
}

// postponedBut is postponed, but for what ends now: of that the provider would only have been asked something more.
func (s *Service) postponedBut(ctx context.Context, a Action, c Change, class string, until time.Time) (Change, error) {
	switch ended := !a.waits() && !a.probed(); {
	case ended && a.State == StateCancelled && c.Actions[0].Due.IsZero(): // it was the last try
		s.notWithdrawn(ctx, a, class, nil)
		return c, nil
	case ended, len(c.Events) > 0:
		return c, nil
	}
	return s.postponed(a, class, until)
}

// postpone is postponed of an action that was claimed: the wake-up is not counted.
func (s *Service) postpone(ctx context.Context, a Action, class string, until time.Time) error {
	if !a.waits() && !a.probed() {
		return nil // it ended meanwhile
	}
	a.Wake = max(0, a.Wake-1)
	c, err := s.postponed(a, class, until)
	if err != nil {
		return err
	}
	return s.commit(ctx, c)
}
