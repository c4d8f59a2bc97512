package mdmproto

import "github.com/latchkey-mdm/latchkey/pin"

// Message types of check-ins (Apple, Check-in protocol).
const (
	msgAuthenticate      = "Authenticate"
	msgTokenUpdate       = "TokenUpdate"
	msgSetBootstrapToken = "SetBootstrapToken"
)

// Checkin is one check-in message: who, which, and the fields of its type, the others empty.
type Checkin struct {
	Enrollment
	// MessageType is Authenticate, TokenUpdate, CheckOut, SetBootstrapToken, GetBootstrapToken, UserAuthenticate,
	// DeclarativeManagement, GetToken, or one that is newer than this package.
	MessageType  string
	Topic        string   // of the push certificate
	NotOnConsole bool     // user channel: the user is not the one at the console
	Skipped      []string // optional fields that were of the wrong type and are left empty here

	// Authenticate. A device may leave out every one of them. Control characters are replaced, and each is cut to 256 characters.
	DeviceName, ModelName, Model, ProductName, SerialNumber, OSVersion, BuildVersion string

	// TokenUpdate. Both are always there; UnlockToken only on an iPhone or iPad, and its absence does not end an earlier one.
	Token                 Token
	PushMagic             Token
	UnlockToken           pin.PIN
	AwaitingConfiguration bool // also of SetBootstrapToken

	// SetBootstrapToken. The zero PIN takes back the earlier one.
	BootstrapToken pin.PIN

	Endpoint         string // DeclarativeManagement: tokens, declaration-items, status, declaration/...
	TokenServiceType string // GetToken
}

// ParseCheckin reads a check-in message of at most 256 KiB. Verify its signature first. It fails with a *DecodeError
// when the message is no small XML property list, or when MessageType, an identifier of the [Enrollment], or a field
// that the type stands for (Token, PushMagic, UnlockToken, BootstrapToken) is missing where Apple requires it, of the wrong
// type, or larger than 64 KiB; any other bad field is only named in Skipped. An unknown MessageType is no error: answer it
// with 200 and nothing.
//
// Specification: Apple, Device Management, "Implementing check-in" and the schema's mdm/checkin.
func ParseCheckin(body []byte) (Checkin, error) {
	d, err := decodePlist(body)
	if err != nil {
		return Checkin{}, err
	}
	c := Checkin{
		MessageType:  d.required("MessageType"),
		Enrollment:   d.enrollment(),
		Topic:        d.text("Topic"),
		NotOnConsole: optional[bool](d, "NotOnConsole"),
	}
	c.read(d)
	if d.err != nil {
		return Checkin{}, d.err
	}
	c.Skipped = d.skipped
	return c, nil
}

// read takes the fields of the message's type, and no others.
func (c *Checkin) read(d *dict) {
	switch c.MessageType {
	case msgAuthenticate:
		c.DeviceName, c.ModelName, c.Model = d.text("DeviceName"), d.text("ModelName"), d.text("Model")
		c.ProductName, c.SerialNumber = d.text("ProductName"), d.text("SerialNumber")
		c.OSVersion, c.BuildVersion = d.text("OSVersion"), d.text("BuildVersion")
	case msgTokenUpdate:
		c.Token = newToken(d.requiredData("Token"))
		c.PushMagic = newToken([]byte(d.required("PushMagic")))
		c.UnlockToken = d.secret("UnlockToken", d.data("UnlockToken"))
		c.AwaitingConfiguration = optional[bool](d, "AwaitingConfiguration")
	case msgSetBootstrapToken:
		c.BootstrapToken = d.secret("BootstrapToken", d.data("BootstrapToken"))
		c.AwaitingConfiguration = optional[bool](d, "AwaitingConfiguration")
	case "DeclarativeManagement":
		c.Endpoint = d.text("Endpoint")
	case "GetToken":
		c.TokenServiceType = d.text("TokenServiceType")
	}
}

// data is a core field of bytes: of the wrong type, it must not pass for an empty one.
func (d *dict) data(field string) []byte {
	v, ok := d.values[field]
	b, isData := v.([]byte)
	if ok && !isData {
		d.fail(field, RuleType)
	}
	return b
}

// requiredData is a core field of bytes that must be there.
func (d *dict) requiredData(field string) []byte {
	b := d.data(field)
	if len(b) == 0 {
		d.fail(field, RuleMissing)
	}
	return b
}

// secret seals the lips of some bytes; none are the zero PIN.
func (d *dict) secret(field string, b []byte) pin.PIN {
	if len(b) == 0 {
		return pin.PIN{}
	}
	p, err := pin.Bytes(b)
	if err != nil {
		d.fail(field, RuleSize) // an unlock token that is not kept would be lost
	}
	return p
}
