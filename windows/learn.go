package windows

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// What a device says of itself without being asked.
const (
	alertEvent   = 1224
	alertGeneric = 1226

	typeLogin      = "com.microsoft/MDM/LoginStatus"
	typeUnenrolled = "com.microsoft:mdm.unenrollment.userrequest"

	channelNode = "/Push/ChannelURI"
	maxChannel  = 2048 // bytes; also what a URL may have
)

// note keeps facts until they are learnt.
func (v *visit) note(facts map[string]string) {
	if len(facts) == 0 {
		return
	}
	if v.learnt.Facts == nil {
		v.learnt.Facts = map[string]string{}
	}
	maps.Copy(v.learnt.Facts, facts)
}

// noteChanged keeps a fact that is said in every session, if it is news.
func (v *visit) noteChanged(name FactName, value string) {
	if v.Device.Facts[string(name)].Value != value {
		v.note(map[string]string{string(name): value})
	}
}

// learn gives the embedder what the device told of itself in this message.
func (h *handler) learn(ctx context.Context, v *visit) error {
	for _, a := range v.Alerts {
		v.alerted(a)
	}
	v.noteChanged(FactMaxMsgSize, strconv.Itoa(v.Limit))
	for _, a := range v.Answers {
		for _, r := range a.Replies {
			v.channel(r.Items)
		}
	}
	v.channel(v.Stray)
	if len(v.learnt.Facts) == 0 && v.learnt.ChannelURI == "" && !v.learnt.Gone {
		return nil
	}
	if err := h.Devices.Learn(ctx, v.Device, v.learnt); err != nil {
		return enrolled(err)
	}
	known := maps.Clone(v.Device.Facts)
	if known == nil {
		known = map[string]lock.Fact{}
	}
	for name, value := range v.learnt.Facts { // what is ordered next goes by them
		known[name] = lock.Fact{Value: value, At: h.Now()}
	}
	v.Device.Facts = known
	return nil
}

// alerted reads an alert: who is signed in, and that the user has ended the management.
func (v *visit) alerted(a omadm.Alert) {
	for _, item := range a.Items {
		if item.Meta == nil {
			continue
		}
		said := strings.TrimSpace(item.Data)
		switch {
		case a.Code == alertEvent && item.Meta.Type == typeLogin:
			switch said {
			case "user", "others", "none":
				v.noteChanged(FactSignedIn, said)
			}
		case a.Code == alertGeneric && item.Meta.Type == typeUnenrolled && said == "1":
			v.learnt.Gone = true
		}
	}
}

// channel finds the address for WNS among results, whoever asked for it.
func (v *visit) channel(items []syncml.Item) {
	for _, item := range items {
		if item.Source != nil && strings.HasSuffix(item.Source.URI, channelNode) && item.Data != "" && len(item.Data) <= maxChannel {
			v.learnt.ChannelURI = item.Data
		}
	}
}
