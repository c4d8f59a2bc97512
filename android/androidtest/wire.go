package androidtest

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The types of the contract, in headers and in payloads.
const (
	typeEnroll  = "android-enroll+jws"
	typeRequest = "android-request+jws"
	typeCommand = "android-cmd+jws"
	typeResult  = "android-result+jws"
	typeState   = "android-state+jws"
)

// The commands.
const (
	cmdLock        = "lock"
	cmdReset       = "reset_password"
	cmdClear       = "clear_password"
	cmdProvision   = "provision_token"
	cmdTokenStatus = "token_status"
	cmdRevoke      = "revoke_token"
	cmdReportState = "report_state"
)

// The states of results.
const (
	stateSucceeded = "succeeded"
	stateFailed    = "failed"
	stateRejected  = "rejected"
)

// maxBody bounds what the agent reads of any answer.
const maxBody = 64 << 10

// command is the payload of a command.
type command struct {
	V      int    `json:"v"`
	Typ    string `json:"typ"`
	ID     string `json:"id"`
	Dev    string `json:"dev"`
	User   int    `json:"user"`
	Seq    int64  `json:"seq"`
	Issued string `json:"iat"`
	Expiry string `json:"exp"`
	Name   string `json:"cmd"`
	Pre    struct {
		MinAPI      int    `json:"min_api"`
		MaxAPI      int    `json:"max_api"`
		Modes       []Mode `json:"modes"`
		TokenActive bool   `json:"token_active"`
	} `json:"pre"`
	Args struct {
		Scope      string   `json:"scope"`
		EvictCEKey bool     `json:"evict_ce_key"`
		Message    *string  `json:"message"`
		Method     string   `json:"method"`
		Secret     string   `json:"secret"`
		TokenID    string   `json:"token_id"`
		Flags      []string `json:"flags"`
		Replace    bool     `json:"replace"`
	} `json:"args"`
}

// secrets are what a command hides in a JWE.
type secrets struct {
	Passcode string `json:"new_password"`
	Token    []byte `json:"token"` // base64
}

// stateBlock is what the agent says of the device.
type stateBlock struct {
	API               int         `json:"api"`
	Mode              Mode        `json:"mode"`
	TargetSDK         int         `json:"target_sdk"`
	SecureLock        bool        `json:"secure_lock"`
	UserUnlocked      bool        `json:"user_unlocked"`
	ManagedProfile    bool        `json:"managed_profile"`
	SeparateChallenge bool        `json:"separate_challenge"`
	SecureLockFeature bool        `json:"secure_lock_feature"`
	Token             tokenBlock  `json:"token"`
	Policy            policyBlock `json:"policy"`
	LockedNow         bool        `json:"locked_now"`
	Agent             string      `json:"agent"`
	BootCount         int         `json:"boot_count"`
}

type tokenBlock struct {
	ID    string     `json:"id"`
	State TokenState `json:"state"`
}

type policyBlock struct {
	Quality    Quality    `json:"quality"`
	MinLength  int        `json:"min_length"`
	Letters    int        `json:"letters"`
	Numeric    int        `json:"numeric"`
	Symbols    int        `json:"symbols"`
	Upper      int        `json:"upper"`
	Lower      int        `json:"lower"`
	NonLetter  int        `json:"non_letter"`
	Complexity Complexity `json:"complexity"`
}

// block is the state block of this moment.
func (d *Device) block() stateBlock {
	p := &d.platform
	return stateBlock{
		API: d.cfg.APILevel, Mode: d.cfg.Mode, TargetSDK: d.cfg.TargetSDK, SecureLock: d.secure(), UserUnlocked: d.managed().unlocked,
		ManagedProfile: d.cfg.ManagedProfile || d.cfg.Mode.profile(), SeparateChallenge: p.separate, SecureLockFeature: !d.cfg.NoSecureLock,
		Token: tokenBlock{ID: d.agent.tokenID, State: d.tokenState()}, Policy: policyBlock(d.cfg.Policy),
		LockedNow: p.keyguard || d.cfg.Mode.profile() && p.workLock, Agent: d.cfg.Agent, BootCount: p.boots,
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// sign makes a compact JWS of payload. The header has the key itself (embed) or the ID of the device.
func sign(key *ecdsa.PrivateKey, typ, kid string, embed bool, payload any) (string, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("androidtest: sign %s: %w", typ, err)
	}
	options := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	if !embed {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return "", fmt.Errorf("androidtest: sign %s: %w", typ, err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return "", fmt.Errorf("androidtest: sign %s: %w", typ, err)
	}
	return signed.CompactSerialize()
}

// verify returns the payload of a command that one of the enrolment's keys has signed.
func verify(jws string, keys jose.JSONWebKeySet) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, fmt.Errorf("androidtest: command: %w", err)
	}
	header := parsed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typeCommand {
		return nil, fmt.Errorf("androidtest: command: typ is not %s", typeCommand)
	}
	for _, key := range keys.Key(header.KeyID) {
		if payload, err := parsed.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("androidtest: command: no key of the enrolment has signed it")
}

// open decrypts the secrets of a command.
func open(jwe string, key *ecdsa.PrivateKey) (secrets, error) {
	var s secrets
	parsed, err := jose.ParseEncryptedCompact(jwe, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return s, fmt.Errorf("androidtest: secret: %w", err)
	}
	plain, err := parsed.Decrypt(key)
	if err != nil {
		return s, fmt.Errorf("androidtest: secret: %w", err)
	}
	if err := json.Unmarshal(plain, &s); err != nil {
		return secrets{}, fmt.Errorf("androidtest: secret: it is not the JSON of the contract")
	}
	return s, nil
}
