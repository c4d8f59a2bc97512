package amapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TestReport: what an operation means, in the order in which Google's answers are to be read.
func TestReport(t *testing.T) {
	effect := func(code string) map[string]string { return map[string]string{"code": code, "proves": "effect"} }
	code := func(code string) map[string]string { return map[string]string{"code": code} }
	for name, c := range map[string]struct {
		text    string
		outcome lock.Outcome
		facts   map[string]string
	}{
		"queued":                 {`{"metadata":{"type":"LOCK"}}`, "", nil},
		"error before its end":   {`{"metadata":{"type":"LOCK","errorCode":"UNKNOWN"}}`, "", nil},
		"done":                   {`{"done":true,"metadata":{"type":"LOCK"}}`, lock.Acknowledged, map[string]string{"code": "DONE", "proves": "receipt"}},
		"done without metadata":  {`{"done":true}`, lock.Acknowledged, map[string]string{"code": "DONE", "proves": "receipt"}},
		"no error, in words":     {`{"done":true,"metadata":{"errorCode":"COMMAND_ERROR_CODE_UNSPECIFIED"}}`, lock.Acknowledged, map[string]string{"code": "DONE", "proves": "receipt"}},
		"lost mode":              {`{"done":true,"metadata":{"startLostModeStatus":{"status":"SUCCESS"}}}`, lock.Acknowledged, effect("SUCCESS")},
		"lost mode already":      {`{"done":true,"metadata":{"startLostModeStatus":{"status":"ALREADY_IN_LOST_MODE"}}}`, lock.Acknowledged, effect("ALREADY_IN_LOST_MODE")},
		"reset recently":         {`{"done":true,"metadata":{"startLostModeStatus":{"status":"RESET_PASSWORD_RECENTLY"}}}`, lock.Refused, code("RESET_PASSWORD_RECENTLY")},
		"left recently":          {`{"done":true,"metadata":{"startLostModeStatus":{"status":"USER_EXIT_LOST_MODE_RECENTLY"}}}`, lock.Refused, code("USER_EXIT_LOST_MODE_RECENTLY")},
		"lost mode ended":        {`{"done":true,"metadata":{"stopLostModeStatus":{"status":"SUCCESS"}}}`, lock.Acknowledged, effect("SUCCESS")},
		"lost mode ended, maybe": {`{"done":true,"metadata":{"type":"STOP_LOST_MODE"}}`, lock.Acknowledged, map[string]string{"code": "DONE", "proves": "receipt"}},
		"not in lost mode":       {`{"done":true,"metadata":{"stopLostModeStatus":{"status":"NOT_IN_LOST_MODE"}}}`, lock.Acknowledged, effect("NOT_IN_LOST_MODE")},
		"a status of tomorrow":   {`{"done":true,"metadata":{"startLostModeStatus":{"status":"PAUSED"}}}`, lock.Refused, code("PAUSED")},
		"no status, in words":    {`{"done":true,"metadata":{"type":"LOCK","startLostModeStatus":{"status":"STATUS_UNSPECIFIED"}},"error":{"code":1}}`, lock.Refused, code("CANCELLED")},
		"status before error":    {`{"done":true,"metadata":{"startLostModeStatus":{"status":"SUCCESS"},"errorCode":"UNKNOWN"},"error":{"code":3}}`, lock.Acknowledged, effect("SUCCESS")},
		"invalid value":          {`{"done":true,"metadata":{"type":"RESET_PASSWORD","errorCode":"INVALID_VALUE"}}`, lock.Refused, code("INVALID_VALUE")},
		"errorCode before error": {`{"done":true,"metadata":{"type":"LOCK","errorCode":"API_LEVEL"},"error":{"code":1}}`, lock.Refused, code("API_LEVEL")},
		"management mode":        {`{"done":true,"metadata":{"type":"LOCK","errorCode":"MANAGEMENT_MODE"}}`, lock.Refused, code("MANAGEMENT_MODE")},
		"unsupported":            {`{"done":true,"metadata":{"type":"LOCK","errorCode":"UNSUPPORTED"}}`, lock.Refused, code("UNSUPPORTED")},
		"a lock that failed":     {`{"done":true,"metadata":{"type":"LOCK","errorCode":"UNKNOWN"}}`, lock.Refused, code("UNKNOWN")},
		"a reset that may be":    {`{"done":true,"metadata":{"type":"RESET_PASSWORD","errorCode":"UNKNOWN"}}`, lock.Progress, code("UNKNOWN")},
		"a command that may be":  {`{"done":true,"metadata":{"errorCode":"UNKNOWN"}}`, lock.Progress, code("UNKNOWN")},
		"cancelled":              {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":1,"message":"x"}}`, lock.Refused, code("CANCELLED")},
		"internal error, reset":  {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":13}}`, lock.Progress, code("INTERNAL")},
		"aborted, reset":         {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":10}}`, lock.Progress, code("ABORTED")},
		"unavailable, reset":     {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":14}}`, lock.Progress, code("UNAVAILABLE")},
		"data loss, reset":       {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":15}}`, lock.Progress, code("DATA_LOSS")},
		"unknown error, reset":   {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":2}}`, lock.Progress, code("UNKNOWN")},
		"not found, reset":       {`{"done":true,"metadata":{"type":"RESET_PASSWORD"},"error":{"code":5}}`, lock.Refused, code("NOT_FOUND")},
		"internal error, lock":   {`{"done":true,"metadata":{"type":"LOCK"},"error":{"code":13}}`, lock.Refused, code("INTERNAL")},
		"expired":                {`{"done":true,"metadata":{"type":"LOCK"},"error":{"code":4}}`, lock.Progress, code("DEADLINE_EXCEEDED")},
		"code of no name":        {`{"done":true,"metadata":{"type":"LOCK"},"error":{"code":-99}}`, lock.Refused, code("UNKNOWN")},
		"error without a code":   {`{"done":true,"metadata":{"type":"LOCK"},"error":{}}`, lock.Refused, code("OK")},
		"text for a word":        {`{"done":true,"metadata":{"type":"LOCK","errorCode":"48291573 is too short"}}`, lock.Refused, code("UNREADABLE")},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := amapi.ParseOperation([]byte(c.text))
			require.NoError(t, err)
			unproven := c.facts["proves"] == "receipt"
			assert.Equal(t, lock.Report{Outcome: c.outcome, Unproven: unproven, Facts: c.facts}, o.Report())
		})
	}
}

// TestParseOperation reads what a real one looks like, with a password that Google might repeat.
func TestParseOperation(t *testing.T) {
	o, err := amapi.ParseOperation([]byte(`{"done":true,"name":"enterprises/LC01/devices/3a5f/operations/1786048723669",
		"metadata":{"@type":"type.googleapis.com/google.android.devicemanagement.v1.Command","type":"RESET_PASSWORD","newPassword":"48291573",
		"createTime":"2026-08-06T20:38:43.669Z","duration":"315360000s","userName":"enterprises/LC01/users/1"},"response":{}}`))
	require.NoError(t, err)
	assert.Equal(t, amapi.Operation{
		Name: "enterprises/LC01/devices/3a5f/operations/1786048723669", Done: true, Type: "RESET_PASSWORD",
		Created: time.Date(2026, 8, 6, 20, 38, 43, 669e6, time.UTC), Duration: 87600 * time.Hour,
	}, o)
	assert.Equal(t, "enterprises/LC01/devices/3a5f", o.Device())
	assert.NotContains(t, fmt.Sprintf("%+v", o), "48291573")
}

func TestParseOperationRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"no JSON":         "<html>48291573",
		"another type":    `["48291573"]`,
		"two values":      `{} "48291573"`,
		"type of a field": `{"name":{"48291573":1}}`,
		"broken off":      `{"name":"48291573`,
		"deep":            strings.Repeat("[", 17),
		"deep later":      `{"response":` + strings.Repeat(`{"a":`, 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := amapi.ParseOperation([]byte(text))
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "48291573")
		})
	}
}

func FuzzParseOperation(f *testing.F) {
	for _, seed := range []string{
		`{"done":true,"name":"enterprises/LC01/devices/3a5f/operations/17","metadata":{"type":"LOCK","createTime":"2026-08-06T20:38:43.669Z","duration":"600s"}}`,
		`{"done":true,"metadata":{"errorCode":"INVALID_VALUE"}}`, `{"error":{"code":1}}`, `{"metadata":{"startLostModeStatus":{"status":"SUCCESS"}}}`,
		`{"metadata":{"duration":"-1s"}}`, `{"metadata":{"duration":"1h"}}`, `[]`, `null`, ``, `{"done":"x"}`, `{"name":"enterprises/../devices/x/operations/1"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := amapi.ParseOperation(text)
		if err != nil {
			assert.Empty(t, o)
			return
		}
		report := o.Report()
		assert.Equal(t, o.Done, report.Outcome != "")
		assert.Equal(t, o.Name, report.Ref)
		for _, v := range report.Facts {
			assert.Regexp(t, `^[A-Za-z0-9_]{1,64}$`, v)
		}
		assert.GreaterOrEqual(t, o.Duration, time.Duration(0))
		if d := o.Device(); d != "" {
			assert.True(t, amapi.IsDeviceName(d))
			assert.True(t, strings.HasPrefix(o.Name, d+"/operations/"))
		}
	})
}
