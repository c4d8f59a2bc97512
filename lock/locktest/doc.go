// Package locktest has fakes and a fixture for tests of code that uses package lock. Nothing in it is fit for production: its codec
// writes PINs in clear, and its keys are known to everybody.
//
// Most tests need one line. It wires a service on any store, with a clock that stands still, rights that allow everything, and a
// platform whose commands a test can read:
//
//	f := locktest.New(t, store.NewMemory())
//	action := f.Lock(locktest.Device("mac-1"))     // ordered
//	command := f.Deliver(locktest.Device("mac-1")) // what the device gets: command.ID, command.PIN
//	f.Answer(action, lock.Acknowledged)            // what it says
//	f.Clock.Advance(time.Minute)
//	code := f.PIN(action.ID)                       // revealed, as text
//
// Everything else is called on f.Service. Edits of the lock.Config come after the store:
//
//	f := locktest.New(t, st, func(c *lock.Config) { c.Platforms[0].MaxDeliveries = 1 })
//
// [Limited] and [TwoPersons] are edits too, and [Second] is a second person beside [Admin].
//
// An order with [OptionReturns] leaves the PIN to the device, which f.Return plays; with [OptionTalks] the device goes on talking while it is
// locked.
//
// # Parts
//
// Each part serves alone as well. [Codec] is a platform whose preflight is what the test says. [Rights] is an Authorizer that allows
// everything until a verb is denied, to all or to one actor. [Clock] moves when it is told to. [Keyring] makes a pin.Sealer from a name,
// so that a test can take a key away and give it back. [Waker] remembers whom it woke and when. [Sender] is
// a provider that takes commands, loses answers and refuses as a test says, and is asked for results. [Faulty] is a store whose commits fail, or
// whose answers get lost after the commit, on demand.
//
// Tests of timers run in testing/synctest bubbles: set Config.Now to time.Now there, and the bubble's clock rules.
package locktest
