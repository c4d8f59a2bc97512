package agent

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
)

// command is the payload of a command. Seq and Issued are set when it leaves: see seal.
type command struct {
	V      int     `json:"v"`
	Typ    string  `json:"typ"`
	ID     lock.ID `json:"id"`
	Device string  `json:"dev"`
	User   int     `json:"user"`
	Seq    int64   `json:"seq"`
	Issued string  `json:"iat"`
	Expiry string  `json:"exp"`
	Name   string  `json:"cmd"`
	Pre    pre     `json:"pre"`
	Args   any     `json:"args"`
}

// pre is what must hold when the agent executes. What is absent does not matter.
type pre struct {
	MinAPI      int            `json:"min_api,omitempty"`
	MaxAPI      int            `json:"max_api,omitempty"`
	Modes       []android.Mode `json:"modes,omitempty"`
	TokenActive bool           `json:"token_active,omitempty"`
}

type lockArgs struct {
	Scope      android.Scope `json:"scope"`
	EvictCEKey bool          `json:"evict_ce_key"`
	Message    *string       `json:"message"`
}

// passcodeArgs are of reset_password and clear_password.
type passcodeArgs struct {
	Method  android.Method `json:"method"`
	Secret  string         `json:"secret,omitempty"` // a JWE of secret; none when there is nothing to hide
	TokenID lock.ID        `json:"token_id,omitempty"`
	Flags   []string       `json:"flags"`
}

type provisionArgs struct {
	TokenID lock.ID `json:"token_id"`
	Secret  string  `json:"secret"`
	Replace bool    `json:"replace"`
}

type revokeArgs struct {
	TokenID lock.ID `json:"token_id"`
}

// The names of commands.
const (
	cmdLock        = "lock"
	cmdReset       = "reset_password"
	cmdClear       = "clear_password"
	cmdProvision   = "provision_token"
	cmdRevoke      = "revoke_token"
	cmdTokenStatus = "token_status"
	cmdReportState = "report_state"
)

const (
	tokenAPI  = 26 // the first level with reset tokens
	directAPI = 29 // the last level on which an agent may reset a passcode without one

	minToken    = 32   // bytes of a reset token (DevicePolicyManager.setResetPasswordToken)
	maxMessage  = 1024 // bytes
	maxPasscode = 256  // bytes
)

// Encode implements lock.Codec. It makes the payload without number and time, which a command gets when it leaves, and with what is secret
// encrypted to the device's agreement key, so that the bytes hold neither passcode nor token in clear. Errors are *lock.InputError, and hold
// neither.
func (codec) Encode(o lock.Order) ([]byte, error) {
	if o.Action.NotAfter.IsZero() {
		return nil, &lock.InputError{Field: "not_after", Rule: "is required: a command of this platform expires"}
	}
	c := command{
		V: contractVersion, Typ: typeCommand, ID: o.Action.ID, Device: o.Device.ID,
		Expiry: stamp(o.Action.NotAfter),
	}
	var err error
	switch o.Action.Kind {
	case lock.KindLock:
		err = c.lock(o)
	case lock.KindResetPasscode, lock.KindClearPasscode:
		err = c.passcode(o)
	case lock.KindProvisionToken:
		err = c.provision(o)
	case lock.KindRevokeToken:
		c.Name, c.Args = cmdRevoke, revokeArgs{TokenID: o.Action.Of}
		if o.Action.Of == "" {
			err = &lock.InputError{Field: "of", Rule: "is required: the action whose token is taken back"}
		}
	default:
		err = &lock.InputError{Field: "kind", Rule: "is none that this platform has"}
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}

const (
	typeCommand = "android.dpc.command"
	typeEnroll  = "android.dpc.enroll"
	typeState   = "android.dpc.state"
	typeResult  = "android.dpc.result"
)

// stamp writes a time of the contract.
func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

func (c *command) lock(o lock.Order) error {
	args := lockArgs{Scope: android.ScopeDevice, EvictCEKey: o.Action.Options["evict_ce_key"] == "true"}
	if args.EvictCEKey || o.Action.Options["scope"] == string(android.ScopeProfile) { // a key is evicted of a profile only
		args.Scope = android.ScopeProfile
	}
	if m := strings.TrimSpace(o.Action.Message + "\n" + o.Action.PhoneNumber); m != "" { // the lock screen has one text
		if len(m) > maxMessage || !utf8.ValidString(m) {
			return &lock.InputError{Field: "message", Rule: fmt.Sprintf("must be valid UTF-8 of at most %d bytes", maxMessage)}
		}
		args.Message = &m
	}
	c.Name, c.Args = cmdLock, args
	return nil
}

// passcode sets or removes a passcode: with the token of the action that the plan named, else directly.
func (c *command) passcode(o lock.Order) error {
	args := passcodeArgs{Method: android.MethodDirect, Flags: []string{}}
	for _, flag := range []string{"require_entry", "do_not_ask_credentials_on_boot", "lock_now"} {
		if o.Action.Options[flag] == "true" {
			args.Flags = append(args.Flags, flag)
		}
	}
	c.Name, c.Pre.MaxAPI = cmdClear, directAPI
	var s secret
	if o.Action.Kind == lock.KindResetPasscode {
		c.Name = cmdReset
		passcode := o.PIN.Expose()
		if passcode == "" || len(passcode) > maxPasscode {
			return &lock.InputError{Field: "pin", Rule: fmt.Sprintf("must have 1 to %d bytes", maxPasscode)}
		}
		s.Passcode = &passcode
	}
	if o.Action.Uses != "" {
		args.Method, args.TokenID = android.MethodToken, o.Action.Uses
		c.Pre = pre{MinAPI: tokenAPI, Modes: owners(o.Device), TokenActive: true}
		if err := s.token(o); err != nil {
			return err
		}
	}
	if s != (secret{}) {
		var err error
		if args.Secret, err = s.encrypt(o.Device); err != nil {
			return err
		}
	}
	c.Args = args
	return nil
}

func (c *command) provision(o lock.Order) error {
	var s secret
	if err := s.token(o); err != nil {
		return err
	}
	sealed, err := s.encrypt(o.Device)
	if err != nil {
		return err
	}
	c.Name, c.Pre = cmdProvision, pre{MinAPI: tokenAPI, Modes: owners(o.Device)}
	// Forced: somebody ordered a new token over the finding that one is active. Nothing else replaces an active token.
	c.Args = provisionArgs{TokenID: o.Action.ID, Secret: sealed, Replace: o.Action.Forced}
	return nil
}

// owners is who may use a token: what the device is known to be, so that a command which was judged for one does not run on another.
func owners(d lock.Device) []android.Mode {
	all := []android.Mode{android.ModeDeviceOwner, android.ModeProfileOwner, android.ModeCompanyProfileOwner}
	if mode := android.FromDevice(d).Mode; slices.Contains(all, mode) {
		return []android.Mode{mode}
	}
	return all
}

// secret is what a command hides: a JWE of this object.
type secret struct {
	Passcode *string `json:"new_password,omitempty"`
	Token    string  `json:"token,omitempty"` // standard base64
}

func (s *secret) token(o lock.Order) error {
	token := []byte(o.Secret.Expose())
	if len(token) < minToken || len(token) > 2*minToken {
		return &lock.InputError{Field: "secret", Rule: fmt.Sprintf("must be a reset token of %d to %d bytes", minToken, 2*minToken)}
	}
	s.Token = base64.StdEncoding.EncodeToString(token)
	return nil
}

// encrypt makes a compact JWE to the device's agreement key: ECDH-ES with A256GCM (RFC 7518, sections 4.6 and 5.3).
func (s *secret) encrypt(d lock.Device) (string, error) {
	key, err := agreementKey(d)
	if err != nil {
		return "", err
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: key}, nil)
	if err != nil {
		return "", fmt.Errorf("encrypt to the device: %w", err)
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encrypt to the device: %w", err)
	}
	sealed, err := encrypter.Encrypt(plain)
	if err != nil {
		return "", fmt.Errorf("encrypt to the device: %w", err)
	}
	return sealed.CompactSerialize()
}

// agreementKey is the key that the device gave when it enrolled.
func agreementKey(d lock.Device) (*ecdsa.PublicKey, error) {
	var parsed jwk
	err := decode([]byte(d.Facts[string(android.FactAgreementKey)].Value), &parsed)
	if err == nil {
		var key *ecdsa.PublicKey
		if key, err = parsed.key(); err == nil {
			return key, nil
		}
	}
	return nil, &lock.InputError{
		Field: "device.facts." + string(android.FactAgreementKey),
		Rule:  "must be the P-256 key that the device gave when it enrolled: enrol it again",
		Err:   err,
	}
}
