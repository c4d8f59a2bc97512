package lock

import "context"

// Ticker takes the steps of Run one at a time.
type Ticker struct{ r *runner }

// NewTicker begins as Run does.
func (s *Service) NewTicker() *Ticker {
	return &Ticker{&runner{svc: s, lines: map[string]*line{}, jobs: map[ID]*job{}, ended: make(chan *job)}}
}

// Tick looks once at what is due, and returns when all that it began has ended.
func (t *Ticker) Tick(ctx context.Context) {
	t.r.look(ctx)
	t.r.start(ctx)
	for len(t.r.jobs) > 0 {
		t.r.end(<-t.r.ended)
		t.r.start(ctx)
	}
	t.r.work.Wait()
}

// Mend is what Run does when it begins, and when the clock was set back.
func (t *Ticker) Mend(ctx context.Context) error { return t.r.svc.mend(ctx) }
