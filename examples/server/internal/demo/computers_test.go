package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

func newComputer(t *testing.T, class windowstest.Class) *windowstest.Device {
	t.Helper()
	for _, c := range newComputers() {
		if c.class == class {
			d, err := windowstest.New(c.config())
			require.NoError(t, err)
			return d
		}
	}
	require.Fail(t, "there is none of this class")
	return nil
}

func TestComputers(t *testing.T) {
	classes, ids := map[windowstest.Class]bool{}, map[string]bool{}
	for _, c := range newComputers() {
		classes[c.class], ids[c.ID] = true, true
		_, err := windowstest.New(c.config())
		require.NoError(t, err)
		assert.NotContains(t, []string{c.Serial, c.Model, c.Holder}, "", c.Name)
	}
	assert.Len(t, classes, 3, "all kinds of Windows")
	assert.Len(t, ids, 3)
}

func TestComputerIsTypedOn(t *testing.T) {
	phone := newComputer(t, windowstest.Phone)
	assert.Equal(t, Screen{Computer: true, Passcode: true}, computerScreen(phone))
	_, err := signIn(phone, Passcode)
	require.ErrorAs(t, err, new(*lock.InputError))
}

// On a desktop that refuses every sign-in, whatever is typed fails, and its message says why.
func TestDeniedDesktopSaysWhy(t *testing.T) {
	desktop := newComputer(t, windowstest.Desktop)
	assert.Equal(t, Screen{Computer: true, SignedIn: "alan"}, computerScreen(desktop))
	desktop.Set(nodeDeny, "*S-1-5-32-546")
	assert.False(t, computerScreen(desktop).Denied, "guests alone")
	desktop.Set(nodeDeny, everyone)
	desktop.Set(nodeTitle, "Locked")
	desktop.Set(nodeText, "Call us."+separator+"Please.")
	assert.False(t, computerScreen(desktop).Denied, "whoever is signed in goes on")
	desktop.Restart()
	assert.Equal(t, Screen{Computer: true, Denied: true, Title: "Locked", Message: "Call us.\nPlease."}, computerScreen(desktop))
	opened, err := signIn(desktop, "anything")
	require.NoError(t, err)
	assert.False(t, opened)
	desktop.Set(nodeDeny, "")
	assert.Equal(t, Screen{Computer: true}, computerScreen(desktop))
	opened, err = signIn(desktop, "anything")
	require.NoError(t, err)
	assert.True(t, opened)
	assert.Equal(t, "alan", computerScreen(desktop).SignedIn)
}
