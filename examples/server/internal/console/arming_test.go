package console

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestArming(t *testing.T) {
	for name, c := range map[string]struct {
		device      lock.Device
		typed, says string
	}{
		"serial number":          {lock.Device{ID: "9f3c", Name: "Lab", Serial: "5CD12231XKJ"}, "1XKJ", "Type the last four characters of the serial number"},
		"of four characters":     {lock.Device{ID: "9f3c", Name: "Lab", Serial: "1XKJ"}, "1XKJ", "Type the serial number of the device"},
		"with other characters":  {lock.Device{ID: "9f3c", Name: "Lab", Serial: "SN1€€"}, "N1€€", "Type the last four characters of the serial number"},
		"of three characters":    {lock.Device{ID: "9f3c", Name: "Lab", Serial: "€€1"}, "Lab", "Type the name of the device"},
		"an ID of other ones":    {lock.Device{ID: "12€€€"}, "2€€€", "Type the last four characters of the device ID"},
		"too short to be one":    {lock.Device{ID: "9f3c", Name: "Lab desktop", Serial: "0"}, "Lab desktop", "Type the name of the device"},
		"name":                   {lock.Device{ID: "9f3c", Name: "Lab desktop"}, "Lab desktop", "Type the name of the device"},
		"neither":                {lock.Device{ID: "9f3c-e813", Name: " "}, "e813", "Type the last four characters of the device ID"},
		"neither, and a poor ID": {lock.Device{ID: "a"}, "a", "Type the device ID of the device"},
	} {
		t.Run(name, func(t *testing.T) {
			arm := armingOf(c.device)
			assert.Equal(t, c.typed, arm.Typed)
			assert.Equal(t, c.says, arm.Label())
		})
	}
	arm := armingOf(lock.Device{Name: "Lab  desktop"})
	assert.True(t, arm.fits(" lab desktop "))
	assert.False(t, arm.fits("desktop"))
}

// TestDeviceWithoutASerialNumber is told from others by its name: what nobody can see is neither compared nor typed.
func TestDeviceWithoutASerialNumber(t *testing.T) {
	b := newWindowsBench(t)
	mac, phone := b.fleet["mac1"], b.fleet[bare]
	mac.Serial, phone.ID, phone.Platform = "", "bare-phone", androidPlatform
	b.fleet["mac1"], b.fleet[phone.ID] = mac, phone
	for path, typed := range map[string]string{
		"/devices/mac1/lock": mac.Name, "/devices/" + bare + "/lock": "DESKTOP-7QX", "/devices/" + bare + "/reset": "DESKTOP-7QX", "/devices/bare-phone/reset": "DESKTOP-7QX",
	} {
		t.Run(path, func(t *testing.T) {
			page := content(b.page(path))
			has(t, page, "Type the name of the device, <span class=\"mono\">"+typed)
			has(t, page, `data-arm="`+typed+`"`)
			hasNot(t, page, "Compare the serial number")
			hasNot(t, page, "<span class=\"mono\">"+bare, "nobody sees its ID")
		})
	}
	has(t, b.page("/devices/"+bare+"/reset"), "Compare the name with your ticket")
	has(t, b.page("/devices/"+bare), "never")

	wrong := b.post("/devices/"+bare+"/lock", "confirm", "e813")
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.StatusCode)
	has(t, wrong.text, "This is not the name of the device.")
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+bare+"/lock", "confirm", "desktop-7qx").StatusCode)
	b.newest(bare, lock.KindLock)
	removal := b.page("/devices/" + bare + "/remove")
	has(t, removal, "Type the name of the device, <span class=\"mono\">DESKTOP-7QX")
	assert.Equal(t, http.StatusUnprocessableEntity, b.post("/devices/"+bare+"/remove", "confirm", "e813").StatusCode)

	verified := b.post("/devices/"+bare+"/reset", "confirm", "DESKTOP-7QX", "step", "verify")
	has(t, verified.text, "Choose and reset")
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+bare+"/reset", "confirm", "DESKTOP-7QX", "reason", "forgotten").StatusCode)
	b.newest(bare, lock.KindResetPasscode)
}

// TestUnlockOfADeviceThatNeverCame says so in a sentence.
func TestUnlockOfADeviceThatNeverCame(t *testing.T) {
	b := newWindowsBench(t)
	b.lockOut(desktop, true)
	restored := b.fleet[desktop]
	restored.LastSeen = b.fleet[bare].LastSeen
	b.fleet[desktop] = restored
	page := b.page("/devices/" + desktop + "/unlock")
	has(t, page, "It has never come yet.")
	hasNot(t, page, "It was seen last")
}
