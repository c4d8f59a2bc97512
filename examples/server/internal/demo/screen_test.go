package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

func TestScreenOf(t *testing.T) {
	locks := []mdmtest.Command{{Message: "an earlier one"}, {Message: "Please call us.", PhoneNumber: "0"}}
	for _, c := range []struct {
		state mdmtest.State
		want  Screen
	}{
		{mdmtest.Unlocked, Screen{}},
		{mdmtest.Locked, Screen{Locked: true, Message: "Please call us.", PhoneNumber: "0"}},
		{mdmtest.Deactivated, Screen{Deactivated: true}},
	} {
		t.Run(c.state.String(), func(t *testing.T) { assert.Equal(t, c.want, screenOf(c.state, locks)) })
	}
}
