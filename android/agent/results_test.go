package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

const actionID = "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10"

// resultOf is what an honest phone says of a command.
func resultOf(id, state, code string) map[string]any {
	return map[string]any{
		"v": 1, "typ": "android.dpc.result", "id": id, "rid": "0193506e-9a11-7a31-9d0c-1f0f6c5d2a10", "dev": "dev-1", "seq": 42,
		"state": state, "code": code, "detail": "as it says", "exception": nil, "validation": []string{}, "observed": nil, "duplicate": false,
		"received_at": "2026-11-21T15:59:58Z", "executed_at": "2026-11-21T15:59:59Z", "device": stateBlock(),
	}
}

// report sends signed results.
func (s *site) report(results ...any) *httptest.ResponseRecorder {
	var signed []string
	for _, r := range results {
		text, is := r.(string)
		if !is {
			text = sign(s.t, s.phone.signing, "android-result+jws", "dev-1", r)
		}
		signed = append(signed, text)
	}
	body := map[string]any{"v": 1, "results": signed}
	conforms(s.t, "results", marshal(s.t, body))
	return s.do(s.phone.request(s.t, "POST", "results", body))
}

// acked are the IDs that the answer names.
func acked(t testing.TB, w *httptest.ResponseRecorder) []string {
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	conforms(t, "acked", w.Body.Bytes())
	var got struct{ Acked []string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	return got.Acked
}

// How the ledger takes every code. A passcode that may be on the device must stay one that may be there: nothing that is not plain success
// is taken for one, and nothing that may have been executed, or comes again, is taken for a refusal.
func TestResultInTheLedgersWords(t *testing.T) {
	want := map[string]map[agent.Code]lock.Outcome{
		"succeeded": {agent.CodeOK: lock.Acknowledged, agent.CodeNoSecureLock: lock.Acknowledged},
		"received":  {agent.CodeAccepted: lock.Progress},
		"rejected": {
			agent.CodeStale: lock.NotNow, agent.CodeBadSignature: lock.Progress, agent.CodeExpired: lock.Refused, agent.CodeWrongDevice: lock.Refused,
			agent.CodeDecryptFailed: lock.Refused, agent.CodeUnsupportedVersion: lock.Refused, agent.CodeUnknownCommand: lock.Refused,
		},
		"failed": {
			agent.CodeUnknown: lock.Progress, agent.CodePreconditionFailed: lock.Refused, agent.CodeNotOwner: lock.Refused,
			agent.CodeAPILevel: lock.Refused, agent.CodeManagementMode: lock.Refused, agent.CodeEscrowDisabled: lock.Refused,
			agent.CodeTokenNotSet: lock.Refused, agent.CodeTokenNotActive: lock.Refused, agent.CodeTokenAlreadyActive: lock.Refused,
			agent.CodeTokenMismatch: lock.Refused, agent.CodeInvalidValue: lock.Refused, agent.CodePasswordOwnedByOther: lock.Refused,
			agent.CodeWeaverExhausted: lock.Refused, agent.CodeIllegalState: lock.Refused, agent.CodeIllegalArgument: lock.Refused,
			agent.CodeUnsupported: lock.Refused, "NEWER_THAN_THIS": lock.Refused,
		},
	}
	for state, codes := range want {
		for code, outcome := range codes {
			t.Run(state+" "+string(code), func(t *testing.T) {
				s := newSite(t)
				r := resultOf(actionID, state, string(code))
				if code != "NEWER_THAN_THIS" {
					conforms(t, "result", marshal(t, r))
				}
				assert.Equal(t, []string{actionID}, acked(t, s.report(r)))
				assert.Equal(t, []lock.Report{{
					Scope: "acme", Device: "dev-1", Action: actionID, Outcome: outcome,
					Facts: map[string]string{"code": string(code), "detail": "as it says", "exception": "", "validation": "", "observed": ""},
				}}, s.ledger.reports)
			})
		}
	}
}

func TestContradictionIsNeitherSuccessNorFailure(t *testing.T) {
	for _, c := range [][2]string{
		{"succeeded", "TOKEN_NOT_ACTIVE"}, {"succeeded", "UNKNOWN"}, {"succeeded", "STALE"}, {"succeeded", ""}, {"succeeded", "ok"},
		{"succeeded", "NEWER_THAN_THIS"}, {"failed", "OK"}, {"rejected", "OK"}, {"failed", "NO_SECURE_LOCK"}, {"failed", ""},
		{"rejected", "UNKNOWN"}, {"failed", "BAD_SIGNATURE"}, {"received", "OK"}, {"received", "EXPIRED"}, {"failed", "ACCEPTED"},
	} {
		t.Run(c[0]+" "+c[1], func(t *testing.T) {
			s := newSite(t)
			acked(t, s.report(resultOf(actionID, c[0], c[1])))
			require.Len(t, s.ledger.reports, 1)
			assert.Equal(t, lock.Progress, s.ledger.reports[0].Outcome)
		})
	}
}

func TestResultFacts(t *testing.T) {
	s := newSite(t)
	r := resultOf(actionID, "failed", "INVALID_VALUE")
	r["detail"], r["exception"] = "tried 48291573\n"+strings.Repeat("é", 300), "java.lang.SecurityException: no"
	r["validation"] = []string{"CONTAINS_SEQUENCE", "TOO_SHORT"}
	r["observed"] = map[string]any{"secure_lock": "true", "api": "24", "odd": 7}
	acked(t, s.report(r))
	facts := s.ledger.reports[0].Facts
	assert.LessOrEqual(t, len(facts["detail"]), 256)
	assert.True(t, strings.HasPrefix(facts["detail"], "tried [digits]\uFFFDé"), facts["detail"])
	delete(facts, "detail")
	assert.Equal(t, map[string]string{
		"code": "INVALID_VALUE", "exception": "java.lang.SecurityException: no", "validation": "CONTAINS_SEQUENCE, TOO_SHORT",
		"observed": "api=24, secure_lock=true",
	}, facts)
	assert.Contains(t, s.log.String(), "observed", "what was left out is named")
}

func TestResultIsTakenForItsCore(t *testing.T) {
	for _, field := range []string{"detail", "exception", "validation", "observed", "duplicate", "received_at", "executed_at", "device", "rid", "seq", "unknown"} {
		t.Run(field, func(t *testing.T) {
			s := newSite(t)
			r := resultOf(actionID, "succeeded", "OK")
			r[field] = []any{map[string]any{"x": 1}}
			assert.Equal(t, []string{actionID}, acked(t, s.report(r)))
			require.Len(t, s.ledger.reports, 1)
			assert.Equal(t, lock.Acknowledged, s.ledger.reports[0].Outcome)
		})
	}
}

func TestResultThatCannotBeUnderstoodIsNotedAndAcknowledged(t *testing.T) {
	with := func(name string, value any) map[string]any {
		r := resultOf(actionID, "succeeded", "OK")
		r[name] = value
		return r
	}
	twice := json.RawMessage(strings.Replace(string(marshal(t, with("detail", ""))), "{", `{"id":"`+actionID+`",`, 1))
	for _, c := range []struct {
		name   string
		result func(s *site) any
		acked  bool
	}{
		{"another key", func(s *site) any {
			return sign(s.t, newKey(s.t), "android-result+jws", "dev-1", with("detail", "4711"))
		}, true},
		{"another device's result", func(*site) any { return with("dev", "dev-2") }, true},
		{"another device's kid", func(s *site) any {
			return sign(s.t, s.phone.signing, "android-result+jws", "dev-2", with("detail", "4711"))
		}, true},
		{"an unknown state", func(*site) any { return with("state", "done") }, true},
		{"no state", func(*site) any { return with("state", nil) }, true},
		{"another version", func(*site) any { return with("v", 2) }, true},
		{"another type", func(*site) any { return with("typ", "android.dpc.state") }, true},
		{"no ID", func(*site) any { return with("id", "") }, false},
		{"an ID that is none", func(*site) any { return with("id", strings.ToUpper(actionID)) }, false},
		{"a name twice", func(*site) any { return twice }, false},
		{"a list", func(*site) any { return []int{1} }, false},
		{"a JWS of another type", func(s *site) any {
			return sign(s.t, s.phone.signing, "android-state+jws", "dev-1", with("detail", "4711"))
		}, false},
		{"no JWS", func(*site) any { return "a.b.c" }, false},
		{"alg none", func(s *site) any {
			return crafted(s.t, s.phone.signing, `{"alg":"none","typ":"android-result+jws","kid":"dev-1"}`, with("detail", "4711"))
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			ids := acked(t, s.report(c.result(s), resultOf("0193506e-3c2a-7a31-9d0c-1f0f6c5d2a99", "succeeded", "OK")))
			want := []string{"0193506e-3c2a-7a31-9d0c-1f0f6c5d2a99"}
			if c.acked {
				want = []string{actionID, want[0]}
			}
			assert.Equal(t, want, ids, "the other result is taken")
			require.Len(t, s.ledger.reports, 1, "nothing was recorded of it")
			assert.Contains(t, s.log.String(), "could not be understood")
			assert.NotContains(t, s.log.String(), "4711")
		})
	}
}

func TestResultThatIsNotDurableIsRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		ledger error
		edit   func(*agent.Config)
	}{
		"the ledger": {errStore, func(*agent.Config) {}},
		"the state":  {nil, func(c *agent.Config) { c.Enrollments = failingState{c.Enrollments} }},
		"the queries": {lock.ErrNotOurs, func(c *agent.Config) {
			c.Queries = &queries{query: agent.Query{ID: actionID, Command: "report_state"}, err: errStore}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, c.edit)
			s.ledger.err = c.ledger
			w := s.report(resultOf(actionID, "succeeded", "OK"))
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, "unavailable", problem(t, w))
			assert.Equal(t, "30", w.Header().Get("Retry-After"))
		})
	}
}

func TestResultOfAnotherDevicesCommandIsAcknowledged(t *testing.T) {
	s := newSite(t)
	s.ledger.err = fmt.Errorf("%w: x", lock.ErrWrongDevice)
	assert.Equal(t, []string{actionID}, acked(t, s.report(resultOf(actionID, "succeeded", "OK"))))
	assert.Empty(t, s.records.states, "and nothing is believed of it")
}

func TestAnswerToAQuery(t *testing.T) {
	for name, c := range map[string]struct {
		queries *queries
		want    []lock.ID
	}{
		"ours":           {&queries{query: agent.Query{ID: actionID}}, []lock.ID{actionID}},
		"nobody's":       {&queries{}, nil},
		"without asking": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(cfg *agent.Config) {
				if c.queries != nil {
					cfg.Queries = c.queries
				}
			})
			s.ledger.err = lock.ErrNotOurs
			assert.Equal(t, []string{actionID}, acked(t, s.report(resultOf(actionID, "succeeded", "OK"))))
			if c.queries != nil {
				assert.Equal(t, c.want, c.queries.answered)
			}
		})
	}
}

func TestResultTellsOfTheDevice(t *testing.T) {
	s := newSite(t)
	stored := resultOf(actionID, "succeeded", "OK")
	stored["duplicate"] = true
	acked(t, s.report(resultOf(actionID, "succeeded", "OK"), stored))
	require.Len(t, s.records.states, 1, "a stored result tells of a state that is long gone")
	st := s.records.states[0]
	assert.Equal(t, &s.phone.signing.PublicKey, st.Key)
	assert.Equal(t, "pending", st.Facts["token_state"])
	assert.Empty(t, st.FCMToken)
}

// The state in a result is as old as it was, by the device's own clock, when the request that brought it was signed.
func TestResultTellsOfTheStateWhenItWasExecuted(t *testing.T) {
	for _, c := range []struct {
		name, executed string
		off, age       time.Duration
	}{
		{"just now", "2026-11-21T15:59:59Z", 0, 0},
		{"an hour ago", "2026-11-21T14:59:59Z", 0, time.Hour},
		{"just now by a clock that is behind", "2026-11-21T15:55:59Z", -4 * time.Minute, 0},
		{"an hour ago by a clock that is ahead", "2026-11-21T15:03:59Z", 4 * time.Minute, time.Hour},
		{"in the future", "2099-01-01T00:00:00Z", 0, 0},
		{"nobody knows when", "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			r := resultOf(actionID, "succeeded", "OK")
			r["executed_at"], r["received_at"] = c.executed, nil
			url, body := "/android/v1/devices/dev-1/results", marshal(t, map[string]any{
				"v": 1, "results": []string{sign(t, s.phone.signing, "android-result+jws", "dev-1", r)},
			})
			signed := s.phone.claim("POST", url, body)
			signed.IAT = now.Add(c.off).Format(time.RFC3339)
			acked(t, s.do(send("POST", url, body, sign(t, s.phone.signing, "android-request+jws", "dev-1", signed))))
			require.Len(t, s.records.states, 1)
			assert.Equal(t, now.Add(-c.age), s.records.states[0].At)
		})
	}
}

func TestResultsBodyIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"another version": `{"v":2,"results":["a.b.c"]}`,
		"no results":      `{"v":1,"results":[]}`,
		"seventeen":       `{"v":1,"results":[` + strings.TrimSuffix(strings.Repeat(`"a.b.c",`, 17), ",") + `]}`,
		"an unknown name": `{"v":1,"results":["a.b.c"],"x":1}`,
		"a name twice":    `{"v":1,"v":1,"results":["a.b.c"]}`,
		"no JSON":         `{"v":1`,
		"something after": `{"v":1,"results":["a.b.c"]} {}`,
		"a wrong type":    `{"v":1,"results":"a.b.c"}`,
		"not UTF-8":       "{\"v\":1,\"results\":[\"\xff\"]}",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			w := s.do(s.phone.request(t, "POST", "results", json.RawMessage(body)))
			assert.Equal(t, http.StatusBadRequest, w.Code)
			assert.Equal(t, "malformed", problem(t, w))
		})
	}
}

// One result of a device's cannot take its numbers past those that every JSON library keeps exactly.
func TestNumbersGoOnAboveWhatADeviceSawWithinReason(t *testing.T) {
	for seen, want := range map[string]int64{"41": 41, "4503599627370496": 1 << 52, "4503599627370497": 0, "-1": 0, "many": 0} {
		t.Run(seen, func(t *testing.T) {
			s := newSite(t)
			r := resultOf(actionID, "rejected", "STALE")
			r["observed"] = map[string]string{"seq": seen}
			acked(t, s.report(r))
			assert.Equal(t, want, s.records.seq)
		})
	}
}
