package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

const purgeUsage = `Usage: server purge -older-than 365d -reason "..." [-device ID]... [-apply] [flags]

Takes the sealed PINs of what ended long ago: of actions to which nothing happened for so many days. What may be on a device, may open
one, or is under a legal hold is never taken, and that an action was, who saw its PIN, and who purged it stays. Without -apply it is a dry
run: it says what it would take and what stays, and changes nothing.

It may run beside a server that is running, opens no secret, and needs no keyring. Stopped at any point, nothing is half done.

Flags:
`

// purgeJob is the command.
type purgeJob struct {
	options
	olderThan, reason string
	devices           []string
	apply             bool
	stdout            io.Writer
}

// runPurge is "server purge".
func runPurge(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	j := &purgeJob{stdout: stdout}
	o, words, err := parseCommand("purge", purgeUsage, append([]string{"purge"}, args...), env, stderr, j.flags)
	if err != nil {
		return err
	}
	if len(words) > 1 {
		return &usageError{"command line", "takes flags only: remove " + fmt.Sprintf("%.40q", words[1]), nil}
	}
	j.options = o
	return j.run(ctx, slog.New(slog.NewTextHandler(stderr, nil)))
}

func (j *purgeJob) flags(flags *flag.FlagSet) {
	flags.StringVar(&j.olderThan, "older-than", "", "take what nothing happened to for so many `days`, as in 365d (required)")
	flags.StringVar(&j.reason, "reason", "", "the rule or the request that this follows, for the `record` (required)")
	flags.BoolVar(&j.apply, "apply", false, "purge (default: a dry run, which changes nothing)")
	flags.Func("device", "only what is of the device with this `ID`; may be given more than once", func(id string) error {
		j.devices = append(j.devices, id)
		return nil
	})
}

func (j *purgeJob) run(ctx context.Context, logger *slog.Logger) (err error) {
	days, err := strconv.Atoi(strings.TrimSuffix(j.olderThan, "d"))
	switch {
	case err != nil || !strings.HasSuffix(j.olderThan, "d") || days < 1 || days > 36500:
		return &usageError{"-older-than", "must be a number of days from 1d to 36500d, as in 365d", nil}
	case j.reason == "":
		return &usageError{"-reason", "must say which rule or request this follows: it is on record with every PIN that goes", nil}
	}
	if err := j.hasDatabase(); err != nil {
		return err
	}
	held, err := hold(j.options)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	d, err := openDatabase(ctx, j.options, db.OpenAsIs, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	service, err := lock.New(lock.Config{
		Store: d.Ledger, Sealer: noSealer{}, Platforms: platforms(nil, nil, nil), Logger: logger, Now: j.now,
		Authorize: account.New(account.Config{DB: d, Scope: inventory.Scope}),
	})
	if err != nil {
		return err
	}
	return j.purge(ctx, service, time.Duration(days)*24*time.Hour)
}

func (j *purgeJob) purge(ctx context.Context, service *lock.Service, age time.Duration) error {
	out := bufio.NewWriter(j.stdout)
	now := j.now()
	texts := map[string]string{}
	line := func(code, serial, action, state, age string) {
		_, _ = fmt.Fprintf(out, "%-16s  %-14s  %-36s  %-11s  %s\n", code, cmp.Or(serial, "-"), action, state, age)
	}
	line("WHAT", "SERIAL NUMBER", "ACTION", "STATE", "AGE")
	counts, err := service.Purge(ctx, purger(), lock.Purge{
		Scope: inventory.Scope, Devices: j.devices, Before: now.Add(-age), Reason: j.reason, Apply: j.apply,
		Each: func(a lock.Action, f lock.Finding) {
			texts[f.Code] = f.Text
			line(f.Code, a.Device.Serial, string(a.ID), string(a.State), fmt.Sprintf("%dd", now.Sub(a.Changed)/(24*time.Hour)))
		},
	})
	j.total(out, counts, texts)
	if err != nil {
		err = fmt.Errorf("stopped in the middle, and nothing is half done: run it again to go on: %w", err)
	}
	return errors.Join(err, out.Flush())
}

// total counts what was judged.
func (j *purgeJob) total(out io.Writer, counts map[string]int, texts map[string]string) {
	words := "Would be purged"
	if j.apply {
		words = "Purged"
	}
	_, _ = fmt.Fprintf(out, "\n%s: %d\n", words, counts[retention.CodePurged])
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		if code != retention.CodePurged {
			_, _ = fmt.Fprintf(out, "Kept: %d %s (%s)\n", counts[code], code, strings.TrimSuffix(texts[code], "."))
		}
	}
	if !j.apply {
		_, _ = fmt.Fprintln(out, "This was a dry run. With -apply the first are purged, for good.")
	}
}

// purger is who runs the command: whoever may write to the database may do everything.
func purger() lock.Actor {
	return local("purge command")
}
