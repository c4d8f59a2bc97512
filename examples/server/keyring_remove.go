package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// remove takes out a retired key that nothing needs.
func (j keyringJob) remove(ctx context.Context, id string) error {
	smaller, err := j.ring.Without(id)
	if err != nil {
		return &usageError{"keyring remove", "must name a retired key: see server keyring status", err}
	}
	if err := j.unneeded(ctx, id); err != nil {
		return err
	}
	if err := j.keepRemoved(id); err != nil {
		return fmt.Errorf("the key stays in the keyring, because it could not be kept in %s: %w", j.removedPath(), err)
	}
	return j.removed(ctx, id, smaller.Save(j.path))
}

// removed is what follows the save. That may have failed when the key was out already: the folder is made durable last.
func (j keyringJob) removed(ctx context.Context, id string, saved error) error {
	if saved != nil {
		if there, err := j.has(id); there || err != nil {
			return errors.Join(saved, err)
		}
	}
	// A server may have sealed with it just before it was rotated, and committed just now.
	if err := j.unneeded(ctx, id); err != nil {
		return j.putBack(id, errors.Join(err, saved))
	}
	if saved != nil {
		saved = fmt.Errorf("the key %s is out of the keyring, and may be in it again after a crash: %w", id, saved)
	}
	j.say("Key %s is out of the keyring. Should anything ever ask for it, its line is in %s:", id, j.removedPath())
	j.say("keep that file as safe as the keyring, and delete it when no backup of the database needs the key.")
	return errors.Join(saved, j.record(ctx, "removed", id))
}

// putBack puts the key back into the keyring. Its error says why, and whether that worked.
func (j keyringJob) putBack(id string, why error) error {
	back := j.ring.Save(j.path)
	if back != nil {
		if there, err := j.has(id); !there {
			return fmt.Errorf("put the line of %s from %s back into %s: %w", id, j.removedPath(), j.path, errors.Join(why, back, err))
		}
	}
	return fmt.Errorf("the key was put back into the keyring: %w", errors.Join(why, back))
}

// has reports whether the keyring file has the key now. It does not load it: that wants it durable, which may be what fails.
func (j keyringJob) has(id string) (bool, error) {
	text, err := os.ReadFile(j.path)
	return keyLine(string(text), id) != "", err
}

// unneeded is an error while anything needs the key, or that is not known.
func (j keyringJob) unneeded(ctx context.Context, id string) error {
	sealed, err := j.sealed(ctx)
	if err != nil {
		return err
	}
	if n := sealed[id]; n > 0 {
		return fmt.Errorf("%d sealed secrets need the key %s, so it is not removed. Run first: server keyring reseal", n, id)
	}
	return nil
}

func (j keyringJob) removedPath() string { return j.path + ".removed" }

// keepRemoved appends the key's line to a file beside the keyring. When it returns, that is durable.
func (j keyringJob) keepRemoved(id string) error {
	text, err := os.ReadFile(j.path)
	if err != nil {
		return err
	}
	line := keyLine(string(text), id)
	if line == "" {
		return errors.New("the keyring was changed meanwhile: try again")
	}
	f, err := os.OpenFile(j.removedPath(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Chmod(0o600); err != nil { // it may be there already, and open to others: then no key goes into it
		return errors.Join(err, f.Close())
	}
	_, err = fmt.Fprintf(f, "# removed from the keyring %s\n%s\n", time.Now().UTC().Format(time.RFC3339), line)
	err = errors.Join(err, f.Sync(), f.Close())
	return errors.Join(err, syncFolder(filepath.Dir(j.path)))
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such thing
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// keyLine is the line of a keyring's text that has the key, and "" when none has.
func keyLine(text, id string) string {
	for line := range strings.Lines(text) {
		for entry := range strings.SplitSeq(line, ";") {
			fields := strings.Fields(entry)
			if len(fields) > 0 && strings.HasPrefix(fields[0], "#") {
				break // a comment goes on to the end of the line
			}
			if len(fields) == 3 && fields[1] == id {
				return strings.Join(fields, " ")
			}
		}
	}
	return ""
}
