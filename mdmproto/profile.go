package mdmproto

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"

	"github.com/groob/plist"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Bits of AccessRights that Apple ties to others, and all there are.
const (
	rightInspectProfiles = 1
	rightInstallProfiles = 2
	rightInspectProvis   = 64
	rightInstallProvis   = 128
	rightsToLock         = 4 + 16 + 1024 // device lock and passcode removal, device information, security queries
	rightsAll            = 8191
)

// Profile is the enrolment profile that a Mac installs to come under management: one SCEP payload, by which it obtains its
// identity certificate, and one MDM payload that uses it. After enrolment Topic and ServerURL must stay, and rights can
// only be taken away.
//
// Specification: Apple, Device Management, profiles "MDM" and "SCEP".
type Profile struct {
	// Identifier is a reverse-DNS name that stays the same for ever, also the seed of the payload UUIDs: 1 to 128
	// printable ASCII characters.
	Identifier   string
	DisplayName  string  // what the user sees; empty: Device Management
	Organization string  // what the user sees, and O of the certificate; empty: left out, and Latchkey in the certificate
	ServerURL    string  // for check-ins and commands. Devices demand https
	SCEPURL      string  // where the certificate is signed
	Challenge    pin.PIN // the SCEP challenge, best a new one for each profile. It is in clear in what Encode returns
	Topic        string  // of the push certificate: com.apple.mgmt....
	AccessRights int     // Apple's bits; 0: 1044, all that locking needs (4 lock, 16 device information, 1024 security queries)
	// Subject of the certificate, a list of lists of type and value; empty: the organization and the hardware's UUID. It
	// must differ between devices.
	Subject [][][2]string
}

// Encode writes the profile, unsigned: serve it as application/x-apple-aspen-config, and do not store it, since it holds
// the challenge. Equal profiles give equal bytes. The error is a *FieldError.
func (p Profile) Encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	scep := p.scep()
	return plist.Marshal(profilePayload{
		payload:             p.payload("Configuration", ""),
		PayloadDisplayName:  cmp.Or(p.DisplayName, "Device Management"),
		PayloadOrganization: p.Organization,
		PayloadContent:      []any{scep, p.mdm(scep.PayloadUUID)},
	})
}

// check holds Apple's rules for the payloads' keys.
func (p Profile) check() error {
	for _, f := range []struct{ field, value string }{{"Identifier", p.Identifier}, {"Topic", p.Topic}} {
		if err := checkName(f.field, f.value); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(p.Topic, "com.apple.mgmt.") {
		return &FieldError{Field: "Topic", Rule: RuleValue}
	}
	for _, f := range []struct{ field, value string }{{"ServerURL", p.ServerURL}, {"SCEPURL", p.SCEPURL}} {
		u, err := url.Parse(f.value)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return &FieldError{Field: f.field, Rule: RuleValue}
		}
	}
	texts := []struct{ field, value string }{
		{"DisplayName", p.DisplayName}, {"Organization", p.Organization}, {"Challenge", p.Challenge.Expose()},
	}
	for _, name := range p.Subject {
		for _, pair := range name {
			texts = append(texts, struct{ field, value string }{"Subject", pair[0] + pair[1]})
		}
	}
	for _, f := range texts {
		if err := checkText(f.field, f.value, maxText, isNote); err != nil {
			return err
		}
	}
	return checkRights(p.AccessRights)
}

// checkRights holds what Apple says about AccessRights; 0 is the default.
func checkRights(rights int) error {
	needs := func(right, other int) bool { return rights&right != 0 && rights&other == 0 }
	if rights < 0 || rights > rightsAll || needs(rightInstallProfiles, rightInspectProfiles) ||
		needs(rightInstallProvis, rightInspectProvis) {
		return &FieldError{Field: "AccessRights", Rule: RuleValue}
	}
	return nil
}

// payload is what all payloads begin with.
type payload struct {
	PayloadIdentifier string `plist:"PayloadIdentifier"`
	PayloadType       string `plist:"PayloadType"`
	PayloadUUID       string `plist:"PayloadUUID"`
	PayloadVersion    int    `plist:"PayloadVersion"`
}

// payload derives identifier and UUID, so that a profile installed again replaces itself.
func (p Profile) payload(kind, suffix string) payload {
	id := p.Identifier + suffix
	h := sha256.Sum256([]byte("latchkey profile " + id))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // RFC 9562, version 8
	uuid := fmt.Sprintf("%X-%X-%X-%X-%X", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
	return payload{PayloadIdentifier: id, PayloadType: kind, PayloadUUID: uuid, PayloadVersion: 1}
}

// profilePayload is the profile itself.
type profilePayload struct {
	payload
	PayloadDisplayName  string `plist:"PayloadDisplayName"`
	PayloadOrganization string `plist:"PayloadOrganization,omitempty"`
	PayloadContent      []any  `plist:"PayloadContent"`
}

// scepPayload makes the device ask for its certificate.
type scepPayload struct {
	payload
	PayloadContent scepContent `plist:"PayloadContent"`
}

// scepContent has Apple's key names, with spaces in two of them.
type scepContent struct {
	URL       string       `plist:"URL"`
	Challenge string       `plist:"Challenge,omitempty"`
	Keysize   int          `plist:"Keysize"`
	KeyType   string       `plist:"Key Type"`
	KeyUsage  int          `plist:"Key Usage"`
	Subject   [][][]string `plist:"Subject"`
}

// scep fills the SCEP payload.
func (p Profile) scep() scepPayload {
	names := p.Subject
	if len(names) == 0 {
		names = [][][2]string{{{"O", cmp.Or(p.Organization, "Latchkey")}}, {{"CN", "%HardwareUUID%"}}}
	}
	subject := make([][][]string, 0, len(names))
	for _, name := range names {
		var pairs [][]string
		for _, pair := range name {
			pairs = append(pairs, pair[:])
		}
		subject = append(subject, pairs)
	}
	return scepPayload{
		payload: p.payload("com.apple.security.scep", ".scep"),
		PayloadContent: scepContent{
			URL:       p.SCEPURL,
			Challenge: p.Challenge.Expose(),
			Keysize:   2048, // the default is 1024
			KeyType:   "RSA",
			KeyUsage:  5, // sign and encrypt
			Subject:   subject,
		},
	}
}

// mdmPayload points the device at the server.
type mdmPayload struct {
	payload
	AccessRights            int      `plist:"AccessRights"`
	CheckOutWhenRemoved     bool     `plist:"CheckOutWhenRemoved"`
	IdentityCertificateUUID string   `plist:"IdentityCertificateUUID"`
	ServerCapabilities      []string `plist:"ServerCapabilities"`
	ServerURL               string   `plist:"ServerURL"`
	SignMessage             bool     `plist:"SignMessage"`
	Topic                   string   `plist:"Topic"`
}

// mdm fills the MDM payload.
func (p Profile) mdm(identity string) mdmPayload {
	return mdmPayload{
		payload:                 p.payload("com.apple.mdm", ".mdm"),
		AccessRights:            cmp.Or(p.AccessRights, rightsToLock),
		CheckOutWhenRemoved:     true,
		IdentityCertificateUUID: identity,
		ServerCapabilities:      []string{"com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken"},
		ServerURL:               p.ServerURL,
		SignMessage:             true,
		Topic:                   p.Topic,
	}
}
