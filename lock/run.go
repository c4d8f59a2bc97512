package lock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	runInterval = time.Second
	runPage     = 256 // due actions that are read and claimed at a time; also how many may wait for their turn in one line
	runAtOnce   = 64  // attendances of one line at the same time
	runDue      = 48  // of these, for what was found due: the rest is for orders of this moment
)

// Run does what is due until ctx ends: it wakes devices that have something waiting, probes those that are locked, ends actions whose
// deadline passed, finishes the verdict on held orders, and gives events their place in the feed, if the Store leaves that to be done. It
// looks once a second, and attends to an order of this process at once, whatever else is due. A wake-up is repeated after 30 seconds, 2, 8
// and 30 minutes, then daily, each up to a fifth later; an answer of the device begins anew. See Waker for wake-ups that fail.
//
// Each platform has a line of its own, with at most 64 wake-ups at the same time and a page of actions that wait for theirs: one that hangs
// holds up no other. Actions of a platform that is not configured here are left to a process that has it.
//
// Any number of processes may run it on one store: an act is done by whoever commits it first, and of two that claim the same wake-up
// usually one sends it. It returns when all it began has ended, with nil; what it broke off is due again in half a minute.
func (s *Service) Run(ctx context.Context) error {
	r := &runner{svc: s, lines: map[string]*line{}, jobs: map[ID]*job{}, breakers: breakers{}, ended: make(chan *job)}
	defer r.work.Wait()
	house := make(chan struct{}, 1)
	r.work.Go(func() { s.keepHouse(ctx, house) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		look := true
		select {
		case <-ctx.Done():
			return nil
		case a := <-s.fresh:
			signal(house)
			look = r.add(&job{id: a.ID, line: r.lineOf(a), urgent: true})
		case j := <-r.ended:
			look = r.end(j)
		case <-s.kick:
			signal(house)
		case <-timer.C:
		}
		if look {
			timer.Reset(r.look(ctx))
		}
		r.start(ctx)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // a signal is waiting already
	}
}

// announce has Run attend to what was just ordered before all else that is due. The orders of a batch take their turn.
func (s *Service) announce(a Action) {
	if a.Batch == "" {
		select {
		case s.fresh <- a.withoutBoxes():
			return
		default: // Run finds it by its Due
		}
	}
	s.Kick()
}

// runner is the state of one Run. Only its loop uses the fields, but for breakers.
type runner struct {
	svc      *Service
	lines    map[string]*line
	jobs     map[ID]*job // that wait or run
	breakers breakers
	behind   bool   // the last page was full: there may be more
	left     bool   // some of it was left, for want of room in its line
	trouble  string // why nothing could be claimed, as it was logged last
	ended    chan *job
	work     sync.WaitGroup
}

// line is the actions of one platform that wait for their turn. The line without a name is for those that need no platform.
type line struct {
	urgent, waiting []*job
	running         int
	planned         int // of the page that is being claimed
}

// full reports whether the line takes no more of what is due.
func (l *line) full() bool { return len(l.waiting)+l.planned >= runPage }

// job is the attendance of one action.
type job struct {
	id     ID
	line   *line
	claim  claim
	urgent bool     // an order of this moment, which nobody has claimed
	probe  *breaker // the breaker that waits for how this wake-up goes
	again  bool     // there may be more to do for the action at once
}

// claim is a due action as it was claimed. When it is another by its turn, somebody else has it, or has sent it.
type claim struct {
	due        time.Time
	deliveries int
}

func claimOf(a Action) claim { return claim{a.Due, a.Deliveries} }

// drop ends a job that came to no wake-up.
func (j *job) drop() {
	if j != nil && j.probe != nil {
		j.probe.release()
	}
}

func (r *runner) lineOf(a Action) *line {
	name := a.Device.Platform
	if a.State == StateHeld {
		name = ""
	}
	l := r.lines[name]
	if l == nil {
		l = &line{}
		r.lines[name] = l
	}
	return l
}

// add puts a job in its line, unless it is there already or there is no room for more urgent ones: then Run is to look for what is due.
func (r *runner) add(j *job) (look bool) {
	switch {
	case j == nil:
		return false
	case r.jobs[j.id] != nil, j.urgent && len(j.line.urgent) >= runAtOnce:
		return true
	case j.urgent, j.probe != nil:
		j.line.urgent = append(j.line.urgent, j)
	default:
		j.line.waiting = append(j.line.waiting, j)
	}
	r.jobs[j.id] = j
	return false
}

// end forgets a job, and reports whether its line needs more.
func (r *runner) end(j *job) (look bool) {
	delete(r.jobs, j.id)
	j.line.running--
	return j.again || r.behind && len(j.line.waiting) <= runPage/4
}

// start begins what there is room for.
func (r *runner) start(ctx context.Context) {
	for _, l := range r.lines {
		for {
			from := &l.urgent
			switch {
			case len(l.urgent) > 0 && l.running < runAtOnce:
			case len(l.waiting) > 0 && l.running < runDue:
				from = &l.waiting
			default:
				from = nil
			}
			if from == nil {
				break
			}
			j := (*from)[0]
			*from = (*from)[1:]
			l.running++
			r.begin(ctx, j)
		}
	}
}

func (r *runner) begin(ctx context.Context, j *job) {
	as := j.claim // which the loop may move meanwhile
	r.work.Go(func() {
		if err := r.attend(ctx, j, as); err != nil && !errors.Is(err, ErrConflict) && ctx.Err() == nil {
			r.svc.cfg.Logger.ErrorContext(ctx, "due action failed", slog.String("action", string(j.id)), slog.Any("error", err))
		}
		select {
		case r.ended <- j:
		case <-ctx.Done():
		}
	})
}

// look reads a page of due actions, claims them in one commit, and returns when to look again: at once while there is more, and room for it.
func (r *runner) look(ctx context.Context) (pause time.Duration) {
	s := r.svc
	due, err := s.cfg.Store.List(ctx, Filter{DueBefore: s.now(), Limit: runPage})
	moved := 0
	if err == nil {
		r.behind, r.left = len(due) == runPage, false
		moved, err = r.claim(ctx, due)
	}
	r.trouble = s.complain(ctx, err, "due actions could not be read or claimed", r.trouble)
	if err == nil && r.behind && !r.left && moved > 0 {
		return 0
	}
	return runInterval
}

// claim moves the Due of what is due, and has those attended to that it could move.
func (r *runner) claim(ctx context.Context, due []Action) (moved int, err error) {
	changes, jobs := r.plans(ctx, due)
	if len(changes) == 0 {
		return 0, nil
	}
	errs, err := r.svc.commitAll(ctx, changes)
	if err != nil {
		for _, j := range jobs {
			j.drop()
		}
		return 0, err
	}
	for i, j := range jobs {
		if errs[i] == nil {
			moved++
			r.add(j)
			continue
		}
		j.drop()
		if !errors.Is(errs[i], ErrConflict) { // something else moved it first, which is as good
			err = fmt.Errorf("action %s: %w", changes[i].Actions[0].ID, errs[i])
		}
	}
	return moved, err
}

// plans are the changes that move what is due, and for each of them the attendance that follows; nil: the change is all.
func (r *runner) plans(ctx context.Context, due []Action) (changes []Change, jobs []*job) {
	for _, l := range r.lines {
		l.planned = 0
	}
	for _, a := range due {
		c, j, err := r.plan(ctx, a)
		if err != nil {
			r.svc.cfg.Logger.ErrorContext(ctx, "due action failed", slog.String("action", string(a.ID)), slog.Any("error", err))
			c = r.aside(a, true)
		}
		if len(c.Actions) > 0 {
			changes, jobs = append(changes, c), append(jobs, j)
		}
	}
	return changes, jobs
}

// plan says what becomes of one due action: the change that moves it, if any, and the attendance that follows.
func (r *runner) plan(ctx context.Context, a Action) (Change, *job, error) {
	s := r.svc
	c, attend, err := s.course(ctx, a)
	if err != nil || !attend {
		return c, nil, err
	}
	if j := r.jobs[a.ID]; j != nil { // its turn has not come, or takes long
		if j.urgent {
			return Change{}, nil, nil // moved, it would look like another process's
		}
		c.Actions[0].Wake, j.claim = a.Wake, claimOf(c.Actions[0])
		return c, nil, nil
	}
	if _, known := s.platforms[a.Device.Platform]; !known {
		return r.aside(a, r.behind), nil, nil
	}
	l := r.lineOf(a)
	if l.full() {
		others := r.behind && len(s.platforms) > 1
		r.left = !others
		return r.aside(a, others), nil, nil
	}
	j := &job{id: a.ID, line: l, claim: claimOf(c.Actions[0])}
	if a.State != StateHeld {
		b := r.breakers.of(a)
		switch pass, outcome, until := b.admit(s.now(), false); pass {
		case passBusy:
			return r.aside(a, r.behind), nil, nil
		case passRefused:
			c, err := s.postponedBut(ctx, a, c, outcome, until)
			return c, nil, err
		case passProbe:
			j.probe = b
		}
	}
	l.planned++
	return c, j, nil
}

// aside leaves a due action that cannot be attended to now where it is, or, when it may be in the way of others, moves it a little: another
// process, or this one with its next look, finds it then.
func (r *runner) aside(a Action, crowded bool) Change {
	if !crowded {
		return Change{}
	}
	a.Due = r.svc.capped(a, r.svc.now().Add(jittered(a.ID, a.Wake, 10*time.Second, 1)))
	return Change{Actions: []Action{a}}
}
