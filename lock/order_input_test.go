package lock_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// inputs are the texts of an order, by field, with their limits in characters.
func inputs() map[string]struct {
	limit    int
	required bool
	set      func(*lock.Actor, *lock.Request, string)
} {
	type input = struct {
		limit    int
		required bool
		set      func(*lock.Actor, *lock.Request, string)
	}
	return map[string]input{
		"device.scope":    {64, true, func(_ *lock.Actor, r *lock.Request, s string) { r.Device.Scope = s }},
		"device.id":       {256, true, func(_ *lock.Actor, r *lock.Request, s string) { r.Device.ID = s }},
		"actor.id":        {255, true, func(a *lock.Actor, _ *lock.Request, s string) { a.ID = s }},
		"actor.name":      {255, false, func(a *lock.Actor, _ *lock.Request, s string) { a.Name = s }},
		"actor.address":   {255, false, func(a *lock.Actor, _ *lock.Request, s string) { a.Address = s }},
		"reason":          {1024, false, func(_ *lock.Actor, r *lock.Request, s string) { r.Reason = s }},
		"ticket":          {128, false, func(_ *lock.Actor, r *lock.Request, s string) { r.Ticket = s }},
		"key":             {128, false, func(_ *lock.Actor, r *lock.Request, s string) { r.Key = s }},
		"batch":           {128, false, func(_ *lock.Actor, r *lock.Request, s string) { r.Batch = s }},
		"message":         {2048, false, func(_ *lock.Actor, r *lock.Request, s string) { r.Message = s }},
		"phone_number":    {64, false, func(_ *lock.Actor, r *lock.Request, s string) { r.PhoneNumber = s }},
		"device.platform": {0, true, func(_ *lock.Actor, r *lock.Request, s string) { r.Device.Platform = s }}, // only configured names fit
	}
}

func TestInputLimits(t *testing.T) {
	for field, in := range inputs() {
		for name, c := range map[string]struct {
			value string
			ok    bool
		}{
			"empty":             {"", !in.required},
			"at the limit":      {strings.Repeat("ü", in.limit), in.limit > 0},
			"over the limit":    {strings.Repeat("x", in.limit+1), false},
			"not UTF-8":         {"a\xffb", false},
			"control character": {"a\x00b", false},
			"line break":        {"a\nb", false},
			"C1 control":        {"a\u0085b", false},
		} {
			t.Run(field+" "+name, func(t *testing.T) {
				f := newFixture(t)
				actor, r := locktest.Admin(), lock.Request{Device: mac()}
				in.set(&actor, &r, c.value)
				a, err := f.Service.Lock(t.Context(), actor, r)
				if !c.ok {
					require.Equal(t, field, inputField(err))
					requireEmpty(t, f)
					return
				}
				require.NoError(t, err)
				requireReplay(t, f.Store, a.ID)
			})
		}
	}
}

func TestReservedActors(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"system", "device"} {
		_, err := f.Service.Lock(t.Context(), lock.Actor{ID: id}, lock.Request{Device: mac()})
		assert.Equal(t, "actor.id", inputField(err), id)
	}
	requireEmpty(t, f)
}

// TestLargestOrder: everything at its limit still makes an event that can be read back.
func TestLargestOrder(t *testing.T) {
	f := newFixture(t)
	actor, r := locktest.Admin(), lock.Request{Device: mac()}
	for field, in := range inputs() {
		if field != "device.platform" {
			in.set(&actor, &r, strings.Repeat("<", in.limit)) // six bytes each in JSON
		}
	}
	a, err := f.Service.Lock(t.Context(), actor, r)
	require.NoError(t, err)
	requireReplay(t, f.Store, a.ID)
}

// TestOddDescriptionsDoNotPreventALock: what a device calls itself must not make it impossible to lock.
func TestOddDescriptionsDoNotPreventALock(t *testing.T) {
	f := newFixture(t)
	d := mac()
	d.Serial, d.Name, d.User, d.Model = strings.Repeat("S", 300), "tab\tand\nline", "\xff", strings.Repeat("ü", 200)
	a := f.Lock(d)
	assert.Equal(t, strings.Repeat("S", 255), a.Device.Serial)
	assert.Equal(t, "tab and line", a.Device.Name)
	assert.Equal(t, "\uFFFD", a.Device.User)
	assert.Equal(t, strings.Repeat("ü", 127), a.Device.Model, "cut between characters")
	found, err := f.Service.Candidates(t.Context(), locktest.Admin(), lock.Device{Scope: d.Scope, ID: "another", Serial: d.Serial})
	require.NoError(t, err)
	assert.Len(t, found, 1)
}
