package lock

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	shortestBreak = 30 * time.Second
	longestBreak  = 15 * time.Minute
	mostSilent    = 32 // wake-ups that began after the last answer and got none: then it is the provider
	mostClasses   = 8  // of such wake-ups that are remembered
)

// breakers has one breaker for each scope and platform. A provider that works for one tenant may fail for another, whose certificate
// expired. It is safe for concurrent use.
type breakers struct {
	mu sync.Mutex
	by map[[2]string]*breaker
}

func (b *breakers) of(a Action) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]string{a.Device.Scope, a.Device.Platform}
	if b.by[key] == nil {
		if b.by == nil {
			b.by = map[[2]string]*breaker{}
		}
		b.by[key] = &breaker{}
	}
	return b.by[key]
}

// breaker keeps wake-ups from a provider that fails for all of them. One is let through now and then, to see whether it works again. It
// knows only what this process saw: each process has its own.
type breaker struct {
	mu      sync.Mutex
	class   string        // how the last wake-up failed; empty: the provider works
	tried   time.Time     // when that was
	pause   time.Duration // until the next one
	next    time.Time
	soonest time.Time // for an order of this moment
	probing bool
	silent  int       // wake-ups that got no answer, of those that began after the last one
	classes []string  // how wake-ups failed since then
	answer  time.Time // the last one
	alarmed time.Time // when people were told of class
}

// pass says whether a wake-up may be sent.
type pass int

const (
	passFree    pass = iota // it may
	passProbe               // it may, and how it goes decides for the others
	passBusy                // a probe is under way, and decides soon
	passRefused             // the provider fails
)

// admit asks for leave to send a wake-up. Who is let pass as the probe ends that with failed, answered or release. With passRefused
// it says how the last one failed, and when the next may be sent.
func (b *breaker) admit(now time.Time, urgent bool) (p pass, class string, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.class == "":
		return passFree, "", time.Time{}
	case b.probing:
		return passBusy, "", time.Time{}
	case now.Before(b.next) && !(urgent && !now.Before(b.soonest)) && !now.Before(b.tried): // not of a clock that was set back
		return passRefused, b.class, b.next
	default:
		b.probing = true
		return passProbe, "", time.Time{}
	}
}

// waits says how the last wake-up failed, and when the next may be sent, if the provider fails.
func (b *breaker) waits() (class string, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.class, b.next
}

// release gives back the leave for a probe that was not sent.
func (b *breaker) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// failed takes how a wake-up went, and reports whether it is the provider that fails, and when it is tried again.
func (b *breaker) failed(began, now time.Time, o wakeOutcome, probe bool) (until time.Time, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.silent && began.After(b.answer) {
		b.silent++
	}
	if (o.provider || o.silent) && len(b.classes) < mostClasses && !slices.Contains(b.classes, o.class) {
		b.classes = append(b.classes, o.class)
	}
	switch {
	case !o.provider && !(o.silent && (probe || b.silent >= mostSilent)):
		return time.Time{}, false
	case b.class != "" && !probe: // was sent before it was known
		return b.next, true
	}
	if b.class != o.class {
		b.alarmed = time.Time{}
	}
	b.class, b.tried = o.class, now
	b.probing = b.probing && !probe
	b.pause = min(max(2*b.pause, shortestBreak), longestBreak)
	b.next = now.Add(max(b.pause, o.after))
	b.soonest = now.Add(max(shortestBreak, o.after))
	return b.next, true
}

// answered takes that a wake-up got through to the provider. When it was the probe the provider works again: then it returns what those
// that wait may show.
func (b *breaker) answered(now time.Time, probe bool) (waited []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent, b.answer = 0, now
	switch {
	case !probe && b.class == "":
		b.classes = nil
		return nil
	case !probe:
		return nil
	}
	waited = append(b.classes, b.class)
	b.class, b.classes, b.pause, b.probing = "", nil, 0, false
	return waited
}

// toTell reports whether people are to be told of the failure, which is once a day.
func (b *breaker) toTell(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.class != "" && (b.alarmed.IsZero() || now.Before(b.alarmed) || !now.Before(b.alarmed.Add(alarmAgain)))
}

func (b *breaker) told(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarmed = at
}

// alarmAgain is how long one alarm speaks for a provider that fails.
const alarmAgain = 24 * time.Hour

// alarmProvider tells people that the provider fails: once a day for each class, by whichever process is first.
func (s *Service) alarmProvider(ctx context.Context, b *breaker, a Action, class string) error {
	now := s.now()
	if !b.toTell(now) {
		return nil
	}
	reason := "no device of platform " + a.Device.Platform + " can be woken (" + class +
		"): the push provider refuses or does not answer. Orders wait, and devices that come by themselves get them"
	if s.platforms[a.Device.Platform].Sender != nil {
		reason = "nothing can be sent to devices of platform " + a.Device.Platform + " (" + class +
			"): the provider refuses or does not answer. Orders wait"
	}
	e := Event{
		Type: EventAlarm, Actor: Actor{ID: actorSystem}, Scope: a.Device.Scope, Reason: reason,
		Facts: map[string]string{"platform": a.Device.Platform, "outcome": class},
	}
	told, err := s.toldOf(ctx, e, now.Add(-alarmAgain))
	if err == nil && told.IsZero() {
		s.cfg.Logger.ErrorContext(ctx, "push provider fails", slog.String("platform", a.Device.Platform), slog.String("outcome", class))
		err = s.alarmOnce(ctx, e, now)
	}
	if err != nil {
		return fmt.Errorf("alarm that the push provider of platform %s fails: %w", a.Device.Platform, err)
	}
	if told.IsZero() || told.After(now) {
		told = now
	}
	b.told(told)
	return nil
}

// toldOf looks in the feed for the last alarm of the same platform and outcome since then, and returns its time. It gives up after 10,000
// others: one too many is better than none.
func (s *Service) toldOf(ctx context.Context, e Event, since time.Time) (time.Time, error) {
	if err := s.sequence(ctx); err != nil {
		return time.Time{}, err
	}
	f := EventFilter{Scope: e.Scope, Types: []EventType{e.Type}, Newest: true, Limit: 1000}
	for range 10 {
		page, err := s.cfg.Store.Events(ctx, f)
		if err != nil {
			return time.Time{}, err
		}
		if i := slices.IndexFunc(page, func(past Event) bool {
			return past.Device == "" && maps.Equal(past.Facts, e.Facts) && !past.Time.Before(since)
		}); i >= 0 {
			return page[i].Time, nil
		}
		if len(page) < f.PageSize() || page[len(page)-1].Time.Before(since) {
			return time.Time{}, nil
		}
		f.From = page[len(page)-1].Position
	}
	return time.Time{}, nil
}

// alarmOnce commits an alarm that is the same, down to its ID, whoever raises it in the same minute: a store keeps the same notice once.
func (s *Service) alarmOnce(ctx context.Context, e Event, now time.Time) error {
	e.Time = now.Truncate(time.Minute)
	sum := sha256.Sum256([]byte(e.Scope + "\n" + e.Reason))
	e.ID = makeID(e.Time, [8]byte(sum[:8]))
	if err := e.Seal(nil); err != nil {
		return err
	}
	return s.commit(ctx, Change{Events: []Event{e}})
}
