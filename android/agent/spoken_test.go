package agent_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// codes are those of what the ledger was told, in order.
func (s *site) codes() []string {
	var codes []string
	for _, r := range s.ledger.reports {
		codes = append(codes, r.Facts["code"])
	}
	return codes
}

func TestProgressIsRecordedOnceForEachDelivery(t *testing.T) {
	s := newSite(t)
	for n := range 3 {
		r := resultOf(actionID, "failed", "UNKNOWN")
		r["detail"] = fmt.Sprint("in other words: ", n)
		assert.Equal(t, []string{actionID}, acked(t, s.report(r)), "what is not recorded is acknowledged too")
	}
	acked(t, s.report(resultOf(actionID, "received", "ACCEPTED")))
	require.Equal(t, []string{"UNKNOWN", "ACCEPTED"}, s.codes())
	require.Len(t, s.records.states, 4, "the state is what it says it is each time")

	s.ledger.add(lockCommand(t))
	s.command(s.do(s.phone.request(t, "GET", "commands", nil)))
	acked(t, s.report(resultOf(actionID, "failed", "UNKNOWN")))
	assert.Equal(t, []string{"UNKNOWN", "ACCEPTED", "UNKNOWN"}, s.codes(), "it was delivered again")
}

func TestCodesOfADevicesOwnAreFew(t *testing.T) {
	s := newSite(t)
	for n := range 20 {
		acked(t, s.report(resultOf(actionID, "received", fmt.Sprint("CODE_", n))))
	}
	assert.Len(t, s.ledger.reports, 8)
	acked(t, s.report(resultOf(actionID, "succeeded", "OK")))
	assert.Equal(t, lock.Acknowledged, s.ledger.reports[8].Outcome, "a final result is always taken")
}

func TestActionsThatADeviceSpeaksOfAreFew(t *testing.T) {
	s := newSite(t)
	id := func(n int) string { return fmt.Sprintf("0193506e-3c2a-7a31-9d0c-%012d", n) }
	for n := range 100 {
		acked(t, s.report(resultOf(id(n), "received", "ACCEPTED")))
	}
	require.Len(t, s.ledger.reports, 64)
	s.ledger.add(lock.Command{ID: lock.ID(id(99)), Body: lockCommand(t).Body})
	s.command(s.do(s.phone.request(t, "GET", "commands", nil)))
	acked(t, s.report(resultOf(id(99), "received", "ACCEPTED")))
	assert.Len(t, s.ledger.reports, 65, "of what was delivered it may always speak")
}

func TestProgressThatWasNotDurableIsRecordedWhenItComesAgain(t *testing.T) {
	s := newSite(t)
	s.ledger.err = errStore
	require.Equal(t, 503, s.report(resultOf(actionID, "failed", "UNKNOWN")).Code)
	s.ledger.err = nil
	acked(t, s.report(resultOf(actionID, "failed", "UNKNOWN")))
	assert.Len(t, s.ledger.reports, 2)
}

func TestOneAlarmForEachForeignAction(t *testing.T) {
	s := newSite(t)
	s.ledger.err = lock.ErrWrongDevice
	for _, id := range []string{actionID, actionID, "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a11", actionID} {
		assert.Equal(t, []string{id}, acked(t, s.report(resultOf(id, "succeeded", "OK"))))
	}
	assert.Len(t, s.ledger.reports, 2)
	assert.Empty(t, s.records.states)
}

func TestStaleNumberRaisesTheCounter(t *testing.T) {
	for _, c := range []struct {
		name, code string
		observed   any
		want       int64
	}{
		{"above ours", "STALE", map[string]string{"seq": "900"}, 901},
		{"above ours, interrupted", "UNKNOWN", map[string]string{"seq": "900"}, 901},
		{"below ours", "STALE", map[string]string{"seq": "3"}, 42},
		{"the most that there is", "STALE", map[string]string{"seq": "9007199254740992"}, 1<<53 + 1},
		{"more than that", "STALE", map[string]string{"seq": "9007199254740993"}, 41},
		{"negative", "STALE", map[string]string{"seq": "-5"}, 41},
		{"no number", "STALE", map[string]string{"seq": "a lot"}, 41},
		{"nothing", "STALE", nil, 41},
		{"another code", "EXPIRED", map[string]string{"seq": "900"}, 41},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.records.seq = 41
			r := resultOf(actionID, map[bool]string{true: "failed", false: "rejected"}[c.code == "UNKNOWN"], c.code)
			r["observed"] = c.observed
			conforms(t, "result", marshal(t, r))
			acked(t, s.report(r))
			assert.Equal(t, c.want, s.records.seq)
		})
	}
}

func TestNobodyElseRaisesTheCounter(t *testing.T) {
	s := newSite(t)
	r := resultOf(actionID, "rejected", "STALE")
	r["observed"] = map[string]string{"seq": "900"}
	acked(t, s.report(sign(t, newKey(t), "android-result+jws", "dev-1", r)))
	assert.Zero(t, s.records.seq)
}

func TestCounterThatIsNotDurableIsToldAgain(t *testing.T) {
	s := newSite(t)
	s.records.noNumber = true
	r := resultOf(actionID, "rejected", "STALE")
	r["observed"] = map[string]string{"seq": "900"}
	require.Equal(t, 503, s.report(r).Code)
	s.records.noNumber = false
	acked(t, s.report(r))
	assert.Equal(t, int64(901), s.records.seq)
}
