package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// secondPerson is what takes a second person, and how one is told.
type secondPerson struct {
	limits   []lock.Limit
	verbs    []lock.Verb   // that always take a second person
	bulkOver int           // VerbBulk only over so many devices
	wait     time.Duration // how long a request waits
	notify   string        // URL of a webhook
}

const (
	envNotify   = "LATCHKEY_NOTIFY_URL" // the webhook, whose address may have a secret
	defaultWait = 24 * time.Hour
	maxWait     = 30 * 24 * time.Hour
	maxWindow   = 366 * 24 * time.Hour
	maxCount    = 1_000_000
)

// approvalFlags are the flags that say what one person may do alone.
func approvalFlags(o *secondPerson, flags *flag.FlagSet, env func(string) string) {
	flags.Func("limit", "`VERB=COUNT/WINDOW`: so many devices one person may lock, or reveal the PINs of, alone in any such time, as in lock=20/1h or "+
		"reveal=10/1d; for one account, in addition, actor=NAME:lock=5/1h: of all that apply the strictest counts. What is over waits for a second "+
		"person, with an alarm. Repeat it for more", o.addLimit)
	flags.Func("second-person", "`VERBS` that always take a second person, with commas between them: lock, reveal, bulk (every one), "+
		"bulk=50 (of more than 50 devices)", o.setVerbs)
	flags.DurationVar(&o.wait, "patience", defaultWait, "how `long` a request waits for a second person, and an approval for its use")
	flags.StringVar(&o.notify, "notify-url", "", "`URL` of a webhook that is told of every request that waits, also "+envNotify+
		", where what is secret in it is in no list of processes (default: there is only a line in the log)")
	o.notify = env(envNotify)
}

// addLimit reads one limit.
func (o *secondPerson) addLimit(text string) error {
	limit := lock.Limit{}
	rule := text
	if named, found := strings.CutPrefix(text, "actor="); found {
		colon := strings.LastIndex(named, ":")
		if colon < 1 {
			return errLimit
		}
		if limit.Actor, rule = named[:colon], named[colon+1:]; !account.IsName(limit.Actor) {
			return fmt.Errorf("actor=%s is a name that no account can have", limit.Actor)
		}
	}
	verb, amount, _ := strings.Cut(rule, "=")
	count, window, found := strings.Cut(amount, "/")
	limit.Verb = lock.Verb(verb)
	if !found || limit.Verb != lock.VerbLock && limit.Verb != lock.VerbReveal {
		return errLimit
	}
	var err error
	if limit.Count, err = strconv.Atoi(count); err != nil || limit.Count < 0 || limit.Count > maxCount {
		return fmt.Errorf("COUNT must be 0 to %d devices", maxCount)
	}
	if limit.Window, err = readWindow(window); err != nil {
		return err
	}
	if slices.ContainsFunc(o.limits, func(l lock.Limit) bool {
		return l.Verb == limit.Verb && l.Actor == limit.Actor && l.Window == limit.Window
	}) {
		return errors.New("is there twice with the same WINDOW: leave out one of them")
	}
	o.limits = append(o.limits, limit)
	return nil
}

var errLimit = errors.New("must be like lock=20/1h, reveal=10/1d or actor=ada:lock=5/1h")

// readWindow reads a time of a limit.
func readWindow(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, found := strings.CutSuffix(text, "d"); found {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(n, 1000)) * 24 * time.Hour
	}
	if err != nil || d < time.Second || d > maxWindow {
		return 0, errors.New("WINDOW must be 1s to 366d, as in 30m, 1h or 7d")
	}
	return d, nil
}

// setVerbs reads what always takes a second person.
func (o *secondPerson) setVerbs(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		name, over, hasSize := strings.Cut(strings.TrimSpace(part), "=")
		verb := lock.Verb(name)
		if !slices.Contains([]lock.Verb{lock.VerbLock, lock.VerbReveal, lock.VerbBulk}, verb) || hasSize && verb != lock.VerbBulk {
			return errors.New("must be of lock, reveal, bulk and bulk=COUNT, as in reveal,bulk=50")
		}
		if slices.Contains(o.verbs, verb) {
			return errors.New("has " + name + " twice")
		}
		if hasSize {
			n, err := strconv.Atoi(over)
			if err != nil || n < 0 || n > maxCount {
				return fmt.Errorf("bulk=COUNT must be 0 to %d devices", maxCount)
			}
			o.bulkOver = n
		}
		o.verbs = append(o.verbs, verb)
	}
	return nil
}

// needed implements lock.Config.SecondPerson. A bulk order is also one of locks, whatever its size.
func (o *secondPerson) needed(_ lock.Actor, v lock.Verb, t lock.Target) bool {
	if v == lock.VerbBulk {
		return slices.Contains(o.verbs, lock.VerbLock) || slices.Contains(o.verbs, v) && t.Size > o.bulkOver
	}
	return slices.Contains(o.verbs, v)
}

// check checks what the flags do not.
func (o *secondPerson) check() error {
	if o.wait < time.Minute || o.wait > maxWait {
		return &usageError{"-patience", "must be 1m to 720h, as in 24h", nil}
	}
	if o.notify == "" {
		return nil
	}
	u, err := url.Parse(o.notify)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isHere(u.Hostname())) {
		return &usageError{"-notify-url", "must be like https://hooks.example.com/..., or http on this machine; also " + envNotify, nil}
	}
	return nil
}

// isHere reports whether a host is this machine.
func isHere(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// configure puts all that into the configuration of the ledger.
func (o *secondPerson) configure(cfg *lock.Config) {
	cfg.Limits, cfg.Patience = o.limits, cmp.Or(o.wait, defaultWait)
	if len(o.verbs) > 0 {
		cfg.SecondPerson = o.needed
	}
}
