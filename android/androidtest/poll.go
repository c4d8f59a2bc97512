package androidtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Poll is one round of the agent: it sends the results and the state that the server does not have yet, asks for commands and waits up to
// wait (whole seconds, 60 at most) for one, executes what came, and sends the results. It returns how many commands came. After an
// error, what was not acknowledged is sent with the next round.
func (d *Device) Poll(ctx context.Context, wait time.Duration) (int, error) {
	d.conversation.Lock()
	defer d.conversation.Unlock()
	if err := d.begin(); err != nil {
		return 0, err
	}
	if err := d.tell(ctx); err != nil {
		return 0, err
	}
	commands, err := d.fetch(ctx, wait)
	if err != nil {
		return 0, err
	}
	for _, jws := range commands {
		if err := d.handle(jws); err != nil {
			return 0, err
		}
	}
	return len(commands), d.tell(ctx)
}

// begin checks that the agent runs and may talk, and starts it again after a crash.
func (d *Device) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.platform.offline || d.platform.paused:
		return ErrOffline
	case d.agent.enrolment == nil:
		return ErrNotEnrolled
	}
	if d.agent.crashed {
		d.restartAgent()
	}
	return nil
}

// tell sends the results, then the state.
func (d *Device) tell(ctx context.Context) error {
	if err := d.sendResults(ctx); err != nil {
		return err
	}
	return d.sendState(ctx)
}

// fetch asks for commands. A change of the state ends the wait, so that the server learns of it.
func (d *Device) fetch(ctx context.Context, wait time.Duration) ([]string, error) {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	d.mu.Lock()
	wait = min(wait, time.Minute).Truncate(time.Second)
	path := commandsPath(d.agent.enrolment.device, wait)
	d.agent.interrupt = stop
	d.mu.Unlock()
	begun := time.Now()
	ans, err := d.send(waiting, http.MethodGet, path, nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.interrupt = nil
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return d.takeInjected(), nil
	}
	if err != nil {
		return nil, err
	}
	d.ended(ans.Status, begun, wait)
	commands, err := d.received(ans)
	if err != nil {
		return nil, err
	}
	if len(commands) > 0 && d.script[LoseCommands] > 0 {
		d.script[LoseCommands]--
		if len(d.agent.injected) > 0 {
			return d.takeInjected(), nil
		}
		return nil, ErrCut
	}
	if len(commands) > 0 && d.script[Tamper] > 0 {
		d.script[Tamper]--
		commands[0] = tampered(commands[0])
	}
	return append(d.takeInjected(), commands...), nil
}

func (d *Device) takeInjected() []string {
	injected := d.agent.injected
	d.agent.injected = nil
	return injected
}

// received reads the answer to a poll.
func (d *Device) received(ans Answer) ([]string, error) {
	if ans.Status == http.StatusNoContent {
		if t, err := time.Parse(time.RFC3339, ans.Header.Get("Latchkey-Time")); err == nil {
			d.heard(t)
		}
		return nil, nil
	}
	if ans.Status != http.StatusOK {
		return nil, unexpected("commands", ans)
	}
	var got struct {
		Commands   []string  `json:"commands"`
		ServerTime time.Time `json:"server_time"`
	}
	if err := json.Unmarshal(ans.Body, &got); err != nil {
		return nil, fmt.Errorf("androidtest: commands: the answer is not one of the contract")
	}
	d.heard(got.ServerTime)
	for _, jws := range got.Commands {
		d.remember(jws)
	}
	return got.Commands, nil
}

// remember logs what the server sent.
func (d *Device) remember(jws string) {
	c := peek(jws)
	sent := Command{JWS: jws, ID: c.ID, Name: c.Name, Seq: c.Seq, Deliveries: 1}
	for _, earlier := range d.agent.log {
		if earlier.ID == c.ID {
			sent.Deliveries = earlier.Deliveries + 1
		}
	}
	d.agent.log = append(d.agent.log, sent)
}

// unexpected is the error of an answer that ends a round.
func unexpected(what string, ans Answer) error {
	if ans.Status == http.StatusUnauthorized && ans.Code == "not_enrolled" {
		return fmt.Errorf("%w: the server answered %s", ErrNotEnrolled, ans.Code)
	}
	return fmt.Errorf("androidtest: %s: the server answered %d %s", what, ans.Status, ans.Code)
}

// Run polls until ctx ends: one round after the other, each with a long poll of wait, and pause after a failed or an empty one, and longer
// when another poll with the device's keys ended it: a second, twice as long each time, up to a minute. It goes on over errors and over
// reboots, and returns ctx's error, or ErrNotEnrolled when the server does not know the device.
func (d *Device) Run(ctx context.Context, wait, pause time.Duration) error {
	if pause <= 0 {
		return fmt.Errorf("androidtest: Run: pause %v: must be positive", pause)
	}
	for ctx.Err() == nil {
		n, err := d.Poll(ctx, wait)
		if errors.Is(err, ErrNotEnrolled) {
			return err
		}
		if n == 0 {
			sleep(ctx, d.rest(pause))
		}
	}
	return ctx.Err()
}

// ended notes how a poll ended.
func (d *Device) ended(status int, begun time.Time, wait time.Duration) {
	d.agent.replaced++
	if status != http.StatusNoContent || time.Since(begun) >= wait {
		d.agent.replaced = 0
	}
}

// rest is how long Run waits after a round without a command: longer when the server ended the poll early, because somebody else polls with
// the keys of this device.
func (d *Device) rest(pause time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.agent.replaced; n > 0 {
		pause = max(pause, min(time.Second<<min(n-1, 6), time.Minute))
	}
	return pause
}

func sleep(ctx context.Context, pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
