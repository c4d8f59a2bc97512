package mdmtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

const perUserConnections = "com.apple.mdm.per-user-connections"

// Bit of AccessRights that lets a device tell what it is.
const rightDeviceInformation = 16

// profile is what a Mac needs of an enrolment profile: the payload com.apple.mdm and the SCEP payload that it names.
type profile struct {
	topic      string
	serverURL  string
	checkInURL string
	rights     int
	checkOut   bool
	perUser    bool
	scep       *scepPayload // nil: the identity comes in another way
}

type scepPayload struct {
	url       string
	challenge string
	keySize   int // 0: not given
	subject   [][2]string
}

func parseProfile(data []byte) (profile, error) {
	dict, err := decode(data)
	if err != nil {
		return profile{}, err
	}
	payloads := map[string][]map[string]any{}
	for _, item := range at[[]any](dict, "PayloadContent") {
		if p, ok := item.(map[string]any); ok {
			kind := at[string](p, "PayloadType")
			payloads[kind] = append(payloads[kind], p)
		}
	}
	mdm := payloads["com.apple.mdm"]
	if len(mdm) != 1 {
		return profile{}, fmt.Errorf("%d payloads of type com.apple.mdm, want one", len(mdm))
	}
	p, err := parseMDM(mdm[0])
	if err != nil {
		return profile{}, err
	}
	for _, s := range payloads["com.apple.security.scep"] {
		if id := at[string](s, "PayloadUUID"); id != "" && id == at[string](mdm[0], "IdentityCertificateUUID") {
			p.scep, err = parseSCEP(s)
		}
	}
	return p, err
}

func parseMDM(dict map[string]any) (profile, error) {
	p := profile{
		topic:     at[string](dict, "Topic"),
		serverURL: at[string](dict, "ServerURL"),
		checkOut:  at[bool](dict, "CheckOutWhenRemoved"),
		perUser:   slices.Contains(at[[]any](dict, "ServerCapabilities"), any(perUserConnections)),
	}
	p.checkInURL = cmp.Or(at[string](dict, "CheckInURL"), p.serverURL)
	p.rights = integer(dict["AccessRights"])
	switch {
	case p.topic == "" || p.serverURL == "":
		return p, errors.New("the payload com.apple.mdm lacks Topic or ServerURL")
	case !at[bool](dict, "SignMessage"):
		return p, errors.New("the payload com.apple.mdm lacks SignMessage: this Mac signs, it presents no TLS certificate")
	case p.rights == 0:
		return p, errors.New("the payload com.apple.mdm has no AccessRights")
	}
	return p, nil
}

func parseSCEP(payload map[string]any) (*scepPayload, error) {
	dict := at[map[string]any](payload, "PayloadContent")
	s := &scepPayload{url: at[string](dict, "URL"), challenge: at[string](dict, "Challenge")}
	s.keySize = integer(dict["Keysize"])
	if s.url == "" {
		return nil, errors.New("the SCEP payload lacks URL")
	}
	if kt := at[string](dict, "Key Type"); kt != "" && kt != "RSA" {
		return nil, errors.New("the SCEP payload asks for a Key Type other than RSA")
	}
	for _, set := range at[[]any](dict, "Subject") { // [[["O","x"]],[["CN","y"]]]
		for _, pair := range asSlice(set) {
			kv := asSlice(pair)
			if len(kv) != 2 {
				return nil, errors.New("the SCEP payload's Subject is not an array of arrays of pairs")
			}
			name, _ := kv[0].(string)
			value, _ := kv[1].(string)
			s.subject = append(s.subject, [2]string{name, value})
		}
	}
	if len(s.subject) == 0 { // a Mac then names itself by the payload
		s.subject = [][2]string{{"CN", at[string](payload, "PayloadIdentifier")}}
	}
	return s, nil
}

func asSlice(v any) []any {
	s, _ := v.([]any)
	return s
}
