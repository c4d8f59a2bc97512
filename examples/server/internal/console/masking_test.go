package console

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMask(t *testing.T) {
	for _, c := range []struct{ name, text, typed, want string }{
		{"as it is", "Type 483920 to open", "483920", "Type •••••• to open"},
		{"in groups", "Type 483 920 to open", "483920", "Type •••••• to open"},
		{"hyphen", "483-920", "483920", "••••••"},
		{"one by one", "(4 8 3 9 2 0)", "483920", "(••••••)"},
		{"signs of more than a byte", "Größe 4–8–3…920 €", "483920", "Größe •••••• €"},
		{"among other digits", "+44 1483 9207", "483920", "+44 1••••••7"},
		{"more than once", "483920 or 483.920", "483920", "•••••• or ••••••"},
		{"within itself", "483 483920 920", "483920", "••••••"},
		{"typed with a space", "483920", "483 920", "••••••"},
		{"letters between", "483 or 920", "483920", "483 or 920"},
		{"half typed", "call 4839", "4839", "call 4839"},
		{"signs alone", "------", "------", "------"},
		{"nothing typed", "call 4711", "", "call 4711"},
		{"nothing written", "", "483920", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			masked, found := mask(c.text, c.typed)
			assert.Equal(t, c.want, masked)
			assert.Equal(t, c.want != c.text, found)
			_, left := mask(masked, c.typed)
			assert.False(t, left, "nothing of it is left")
		})
	}
}

// The PIN is taken out of every text, and the rest of what was written stays.
func TestPINIsKeptOutOfTheTexts(t *testing.T) {
	long := strings.Repeat("Please call us. ", 100)
	for _, written := range []string{"483920", "483 920", "483-920", "4 8 3 9 2 0"} {
		for _, field := range []string{"message", "phone_number", "reason", "ticket", "reuse_supplied"} {
			t.Run(field+" "+written, func(t *testing.T) {
				b := newBench(t).signIn()
				a := b.post("/devices/mac1/lock", field, "see "+written+", please", "confirm", "17QX", "pin_mode", "supplied", "pin", "483920",
					"with_message", "1", "message", long, "with_phone", "1", "phone_number", "+44 20 7946 0000")
				assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
				has(t, a.text, "see ••••••, please")
				has(t, a.text, "Must not contain the PIN")
				hasNot(t, a.text, written)
				assert.Equal(t, field != "message", strings.Contains(a.text, long), "the other texts are as they were")
				assert.Empty(t, b.actions())
			})
		}
	}
}

var focused = regexp.MustCompile(`<(?:input|textarea|p)[^>]* autofocus`)

// The answer to a refused order says first that nothing was ordered, and goes on where something has to be done.
func TestRefusedOrderSaysSo(t *testing.T) {
	own := func(fields ...string) []string { return append([]string{"pin_mode", "supplied", "pin"}, fields...) }
	for _, c := range []struct {
		name, device, focus string
		fields              []string
	}{
		{"confirm", "mac1", `id="confirm"`, []string{"confirm", "wrong"}},
		{"message", "mac1", `id="message"`, []string{"with_message", "1", "confirm", "wrong"}},
		{"phone", "mac1", `id="phone"`, []string{"with_phone", "1", "reason", strings.Repeat("x", 1025)}},
		{"reason", "mac1", `name="reason"`, []string{"reason", strings.Repeat("x", 1025)}},
		{"ticket", "mac1", `name="ticket"`, []string{"ticket", strings.Repeat("x", 129)}},
		{"no PIN", "mac1", `id="pin"`, own("")},
		{"weak PIN", "mac1", `id="pin"`, own("111111")},
		{"PIN has to be typed again", "mac1", `id="pin"`, own("739182", "confirm", "wrong")},
		{"keep what is not there", "mac1", `role="alert"`, []string{"pin_mode", "keep"}},
		{"blocked", "mac3", `role="alert"`, nil},
		{"never", "pad1", `role="alert"`, []string{"confirm", "wrong"}},
		{"locked already", "mac2", `role="alert"`, own("739182")},
		{"locked already, and not confirmed", "mac2", `role="alert"`, []string{"confirm", "wrong"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).signIn()
			b.order("mac2")
			serial := b.device(c.device).Serial
			fields := append(c.fields, "pin_mode", "rotate", "confirm", serial[len(serial)-4:])
			a := b.post("/devices/"+c.device+"/lock", fields...)
			assert.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusConflict}, a.StatusCode)
			has(t, a.text, "<title>Nothing was ordered: lock ")
			assert.Regexp(t, `<p class="alert" role="alert"[^>]*>.*<span>Nothing was ordered: [a-z].*\.</span>`, a.text)
			marked := focused.FindAllString(a.text, -1)
			if assert.Len(t, marked, 1) {
				assert.Contains(t, marked[0], c.focus)
			}
			assert.Len(t, b.actions(), 1)
		})
	}
	assert.NotRegexp(t, focused, newBench(t).signIn().page("/devices/mac1/lock"), "a dialog that is new says nothing of the kind")
}
