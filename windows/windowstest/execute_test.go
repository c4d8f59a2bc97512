package windowstest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

const (
	denyLogOn = "./Device/Vendor/MSFT/Policy/Config/UserRights/DenyLocalLogOn"
	title     = "./Device/Vendor/MSFT/Policy/Config/LocalPoliciesSecurityOptions/InteractiveLogon_MessageTitleForUsersAttemptingToLogOn"
	laps      = "./Device/Vendor/MSFT/LAPS/"
	uid       = "./SyncML/DMAcc/0x0000800cABF8CA7D87C0FA21BB21B896AE2C8468CA07710326415228ACF2392EA1327077"
	serial    = "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber"
	reboot    = "./Device/Vendor/MSFT/Reboot/RebootNow"
)

// codes are the statuses of the commands with these CmdIDs.
func codes(m wire, refs ...string) string {
	var out []string
	for _, r := range refs {
		out = append(out, m.status(r))
	}
	return strings.Join(out, " ")
}

// What the device answers to commands of one message, each on its own.
func TestCommands(t *testing.T) {
	phone, lens, desktop := windowstest.Config{PIN: "1"}, windowstest.Config{PIN: "1", Class: windowstest.HoloLens}, windowstest.Config{Class: windowstest.Desktop}
	old, home, user, full := desktop, desktop, desktop, desktop
	old.Build, home.Edition, user.UserEnrolled, full.RemoteLock, full.PIN = "10.0.10586.1", 0x65, true, true, "1"
	recovers, oldPhone := phone, windowstest.Config{PIN: "1", Build: "10.0.14393.1"}
	recovers.PINRecovery, desktop.ProviderID = true, "Fleet"
	tests := map[string]struct {
		cfg     windowstest.Config
		command string
		code    string
		results []string
	}{
		"lock":                      {phone, exec("1", remote+"Lock"), "200", nil},
		"lock without device scope": {phone, exec("1", "./Vendor/MSFT/RemoteLock/Lock"), "200", nil},
		"lock without a PIN":        {windowstest.Config{}, exec("1", remote+"Lock"), "405", nil},
		"lock of a HoloLens":        {lens, exec("1", remote+"Lock"), "200", nil},
		"reset of a HoloLens":       {lens, exec("1", remote+"LockAndResetPIN"), "404", nil},
		"lock of a desktop":         {desktop, exec("1", remote+"Lock"), "404", nil},
		"lock of a full desktop":    {full, exec("1", remote+"Lock"), "200", nil},
		"recover":                   {recovers, exec("1", remote+"LockAndRecoverPIN"), "200", nil},
		"recover without policy":    {phone, exec("1", remote+"LockAndRecoverPIN"), "500", nil},
		"recover of an old build":   {oldPhone, exec("1", remote+"LockAndRecoverPIN"), "404", nil},
		"RemoteLock's children":     {phone, get("1", strings.TrimSuffix(remote, "/")), "200", []string{"Lock/LockAndResetPIN/NewPINValue/LockAndRecoverPIN"}},
		"a HoloLens's RemoteLock":   {lens, get("1", strings.TrimSuffix(remote, "/")), "200", []string{"Lock"}},
		"a desktop's RemoteLock":    {desktop, get("1", strings.TrimSuffix(remote, "/")), "404", nil},
		"no new PIN":                {phone, get("1", remote+"NewPINValue"), "200", []string{""}},
		"exec of a value":           {phone, exec("1", remote+"NewPINValue"), "405", nil},
		"exec of an interior node":  {phone, exec("1", strings.TrimSuffix(remote, "/")), "405", nil},
		"build":                     {phone, get("1", "./DevDetail/SwV"), "200", []string{"10.0.15254.603"}},
		"serial number":             {windowstest.Config{ID: "1", Class: windowstest.Desktop}, get("1", serial), "200", []string{"W6B86B273FF3"}},
		"serial number of a phone":  {phone, get("1", serial), "404", nil},
		"edition":                   {desktop, get("1", "./Device/Vendor/MSFT/WindowsLicensing/Edition"), "200", []string{"48"}},
		"secret":                    {desktop, get("1", uid+"/AppAuth/CLCRED/AAuthSecret"), "405", nil},
		"read-only":                 {desktop, replace("1", "./DevDetail/SwV", "x"), "405", nil},
		"policy that is not set":    {desktop, get("1", denyLogOn), "404", nil},
		"policy that is made":       {desktop, replace("1", denyLogOn, "x"), "200", nil},
		"policy that is deleted":    {desktop, del("1", denyLogOn), "404", nil},
		"policy of an old build":    {old, replace("1", denyLogOn, "x"), "404", nil},
		"policy of a Home edition":  {home, replace("1", title, "x"), "404", nil},
		"policy of a phone":         {phone, replace("1", denyLogOn, "x"), "404", nil},
		"policy of a user":          {user, get("1", denyLogOn), "405", nil},
		"restart of a user":         {user, exec("1", reboot), "406", nil},
		"no policy":                 {desktop, replace("1", "./Device/Vendor/MSFT/Policy/Config/Area", "x"), "404", nil},
		"LAPS alone":                {desktop, set("Replace", "1", laps+"Policies/PasswordLength", "int", "20"), "405", nil},
		"LAPS of an old build":      {old, get("1", strings.TrimSuffix(laps, "/")), "404", nil},
		"rotation without LAPS's directory": {desktop, sequence("0s", exec("2", laps+"Actions/ResetPassword"),
			get("1", laps+"Actions/ResetPasswordStatus")), "200", []string{"0"}},
		"push without a PFN": {desktop, get("1", "./Device/Vendor/MSFT/DMClient/Provider/Fleet/Push/Status"), "200", []string{"4"}},
		"Copy":               {desktop, `<Copy><CmdID>1</CmdID>` + item("./DevInfo/Man", "", "") + `</Copy>`, "406", nil},
		"display":            {desktop, `<Alert><CmdID>1</CmdID><Data>1100</Data></Alert>`, "406", nil},
		"large object":       {desktop, strings.Replace(replace("1", denyLogOn, "x"), "</Data>", "</Data><MoreData/>", 1), "406", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, m := do(t, test.cfg, test.command)
			assert.Equal(t, test.code, m.status("1"))
			assert.Equal(t, test.results, m.results("1"))
		})
	}
}

// Of a new PIN, the first who asks gets it; a PIN is what opens the device.
func TestNewPIN(t *testing.T) {
	read := get("8", remote+"NewPINValue")
	s := script(resetSequence, turn{body: read})
	d := device(t, s, windowstest.Config{PIN: "1234"})
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	pin := got[1].results("7")
	require.Len(t, pin, 1)
	assert.Equal(t, "200 200 200", codes(got[1], "5", "6", "7"))
	assert.Equal(t, []string{""}, got[2].results("8"))
	state := d.State()
	assert.Equal(t, pin[0], state.PIN)
	assert.Empty(t, state.NewPIN)
	assert.True(t, state.Locked)
	assert.False(t, d.Type("1234"))
	assert.True(t, d.Type(pin[0]))
	assert.False(t, d.State().Locked)
}

func TestPINPolicies(t *testing.T) {
	for policy, form := range map[windowstest.PINPolicy]string{
		windowstest.Digits: `^[0-9]{6}$`, windowstest.LettersAndDigits: `^[0-9a-z]*([0-9][a-z]|[a-z][0-9])[0-9a-z]*$`,
	} {
		t.Run(string(policy), func(t *testing.T) {
			d, _ := do(t, windowstest.Config{PINPolicy: policy}, exec("1", remote+"LockAndResetPIN"))
			assert.Regexp(t, form, d.State().PIN)
		})
	}
}

// A Get outside of the Sequence comes too early: commands that nothing holds together have no order.
func TestLooseCommandsHaveNoOrder(t *testing.T) {
	d, m := do(t, windowstest.Config{PIN: "1"}, exec("1", remote+"LockAndResetPIN"), get("2", remote+"NewPINValue"))
	assert.Equal(t, []string{""}, m.results("2"))
	assert.NotEmpty(t, d.State().NewPIN)
	assert.Equal(t, "1", m.Body.Commands[1].CmdRef, "statuses keep the server's order")
}

// A PIN that can be read only in its own message.
func TestMessagePIN(t *testing.T) {
	d, _ := do(t, windowstest.Config{PIN: "1", MessagePIN: true}, exec("1", remote+"LockAndResetPIN"))
	assert.Empty(t, d.State().NewPIN)
	_, m := do(t, windowstest.Config{PIN: "1", MessagePIN: true}, resetSequence.body)
	assert.Len(t, m.results("7")[0], 6)
}

// Every item of a command has a status of its own where they differ.
func TestItems(t *testing.T) {
	both := `<Get><CmdID>1</CmdID>` + item("./DevInfo/Man", "", "") + item("./DevInfo/None", "", "") + `</Get>`
	_, m := do(t, windowstest.Config{}, both)
	var got []string
	for _, c := range m.Body.Commands[1:3] {
		got = append(got, c.TargetRef+" "+c.Data)
	}
	assert.Equal(t, []string{"./DevInfo/Man 200", "./DevInfo/None 404"}, got)
	assert.Equal(t, []string{"Contoso, Ltd."}, m.results("1"))
}

// Replace, Add and Delete of nodes, one after the other.
func TestWrites(t *testing.T) {
	poll := "./Device/Vendor/MSFT/DMClient/Provider/ExampleMDM/Poll/IntervalForFirstSetOfRetries"
	pfn := "./Device/Vendor/MSFT/DMClient/Provider/ExampleMDM/Push/PFN"
	d, m := do(t, windowstest.Config{Class: windowstest.Desktop}, sequence("0s",
		set("Add", "1", title, "chr", "a"), set("Add", "2", title, "chr", "b"), replace("3", title, "c"), get("4", title),
		del("5", title), get("6", title), set("Replace", "7", poll, "int", "15"), set("Replace", "8", poll, "int", "often"),
		set("Add", "9", pfn, "chr", "p"), replace("10", pfn, "p"), del("11", pfn), get("12", pfn), set("Add", "13", reboot, "chr", "x"),
	))
	assert.Equal(t, "200 418 200 200 200 404 200 415", codes(m, "1", "2", "3", "4", "5", "6", "7", "8"))
	assert.Equal(t, "418 200 200 200 405", codes(m, "9", "10", "11", "12", "13"))
	assert.Equal(t, []string{"c"}, m.results("4"))
	assert.Equal(t, []string{""}, m.results("12"))
	assert.Equal(t, "15", d.State().Nodes[poll])
	assert.NotContains(t, d.State().Nodes, title)
}

// All of an Atomic, or nothing.
func TestAtomic(t *testing.T) {
	deny := replace("2", denyLogOn, "*S-1-1-0")
	tests := map[string]struct {
		last   string
		faults []windowstest.Fault
		codes  string
		denies bool
	}{
		"all":                  {replace("4", title, "new"), nil, "200 200 200 200", true},
		"Get":                  {get("4", title), nil, "507 216 216 500", false},
		"Exec":                 {exec("4", reboot), nil, "507 216 216 500", false},
		"Sequence":             {sequence("4", get("5", title)), nil, "507 216 216 500", false},
		"Replace of the added": {replace("4", "./Device/Vendor/MSFT/Policy/Config/A/B", "x"), nil, "507 216 216 500", false},
		"refused":              {replace("4", title, "x"), []windowstest.Fault{windowstest.RefuseAtomic(denyLogOn, 403)}, "507 403 215 215", false},
		"not undone": {get("4", title), []windowstest.Fault{windowstest.FailRollback(516)},
			"516 516 516 500", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := script(turn{body: atomic("1", deny, set("Add", "3", "./Device/Vendor/MSFT/Policy/Config/A/B", "int", "1"), test.last)})
			d := device(t, s, windowstest.Config{Class: windowstest.Desktop})
			d.Set(title, "old")
			d.Script(test.faults...)
			require.NoError(t, d.Sync(context.Background()))
			assert.Equal(t, test.codes, codes(s.messages()[1], "1", "2", "3", "4"))
			_, made := d.Get("./Device/Vendor/MSFT/Policy/Config/A/B")
			assert.Equal(t, test.denies, made)
			assert.Equal(t, test.denies, d.SignIn("hedy") != nil)
		})
	}
}

// The policies of LAPS are written within an Atomic.
func TestLAPSPolicies(t *testing.T) {
	length := laps + "Policies/PasswordLength"
	d, m := do(t, windowstest.Config{Class: windowstest.Desktop}, atomic("1", set("Replace", "2", length, "int", "20")), get("3", length))
	assert.Equal(t, "200 200", codes(m, "1", "2"))
	assert.Equal(t, "20", d.State().Nodes[length])
	d, m = do(t, windowstest.Config{Class: windowstest.Desktop}, atomic("1", set("Replace", "2", length, "int", "20"), del("4", length)))
	assert.Equal(t, "200 200 200", codes(m, "1", "2", "4"))
	assert.Equal(t, "14", d.State().Nodes[length], "to delete what was there from the start restores its value")
}

// A HRESULT stands beside 404 where the device speaks that version.
func TestOriginalError(t *testing.T) {
	_, m := do(t, windowstest.Config{SyncVersion3: true}, get("1", "./None"))
	assert.Contains(t, m.body, `<Data msft:originalerror="0x86000002">404</Data>`)
	_, m = do(t, windowstest.Config{}, get("1", "./None"))
	assert.NotContains(t, m.body, "originalerror")
}
