package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
)

// status lists the keys. That one is missing is an error.
func (j keyringJob) status(ctx context.Context, _ string) error {
	sealed, err := j.sealed(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(j.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KEY\tSTATE\tSEALED SECRETS")
	state := "active"
	for _, id := range j.ring.KeyIDs() {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\n", id, state, sealed[id])
		state = "retired"
	}
	for _, id := range slices.Sorted(maps.Keys(sealed)) {
		if !slices.Contains(j.ring.KeyIDs(), id) {
			_, _ = fmt.Fprintf(table, "%s\tMISSING\t%d\n", id, sealed[id])
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the keys: %w", err)
	}
	return j.missing(sealed)
}

// missing is an error when a key is not there that some box needs.
func (j keyringJob) missing(sealed map[string]int) error {
	missing := needs(sealed, j.ring.KeyIDs())
	switch {
	case missing == "":
		return nil
	case j.path == "":
		return fmt.Errorf("%s: restore the keyring that has it in %s", missing, envKeyringText)
	default:
		return fmt.Errorf("%s: restore its line in %s from a backup, or from %s if it was removed", missing, j.path, j.removedPath())
	}
}
