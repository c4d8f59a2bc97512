package main

import "context"

// rotate makes a new key active.
func (j keyringJob) rotate(ctx context.Context, _ string) error {
	next := j.ring.Rotate()
	if err := next.Save(j.path); err != nil {
		return err
	}
	ids := next.KeyIDs()
	j.say("Key %s is active: servers that use %s seal with it from now on.", ids[0], j.path)
	j.say("Key %s is retired and opens what it has sealed. Back up the keyring, then seal that anew: server keyring reseal", ids[1])
	if j.db.IsShared() {
		j.say("Other servers of this database that have a copy of the file need the new one at once: they cannot open what is sealed from now on.")
	}
	return j.record(ctx, "activated", ids[0])
}
