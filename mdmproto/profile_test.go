package mdmproto

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sampleProfile is one that is complete.
func sampleProfile(t *testing.T) Profile {
	t.Helper()
	return Profile{
		Identifier: "com.example.mdm",
		ServerURL:  "https://mdm.example.com/mdm",
		SCEPURL:    "https://mdm.example.com/scep",
		Challenge:  secretOf(t, "s3cret"),
		Topic:      "com.apple.mgmt.External.example",
	}
}

func TestProfileGolden(t *testing.T) {
	p := sampleProfile(t)
	body, err := p.Encode()
	require.NoError(t, err)
	golden(t, "profile.plist", body)

	p.DisplayName, p.Organization, p.AccessRights = "Example <Mobile>", "Example & Co", 1052
	p.Subject = [][][2]string{{{"O", "Example"}}, {{"OU", "Macs"}, {"CN", "%SerialNumber%"}}}
	body, err = p.Encode()
	require.NoError(t, err)
	golden(t, "profile-full.plist", body)
}

func TestProfilePayloads(t *testing.T) {
	body, err := sampleProfile(t).Encode()
	require.NoError(t, err)
	d, err := decodePlist(body)
	require.NoError(t, err)
	content := optional[[]any](d, "PayloadContent")
	require.Len(t, content, 2)
	scep, mdm := content[0].(map[string]any), content[1].(map[string]any)
	assert.Equal(t, "com.apple.security.scep", scep["PayloadType"], "some clients want SCEP first")
	assert.Equal(t, scep["PayloadUUID"], mdm["IdentityCertificateUUID"])
	assert.NotEqual(t, scep["PayloadUUID"], mdm["PayloadUUID"])
	assert.Equal(t, uint64(1044), mdm["AccessRights"])
	assert.Equal(t, true, mdm["SignMessage"])
}

func TestProfileRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Profile)
		field  string
		rule   Rule
	}{
		{"no identifier", func(p *Profile) { p.Identifier = "" }, "Identifier", RuleMissing},
		{"no topic", func(p *Profile) { p.Topic = "" }, "Topic", RuleMissing},
		{"another topic", func(p *Profile) { p.Topic = "com.example" }, "Topic", RuleValue},
		{"no server", func(p *Profile) { p.ServerURL = "" }, "ServerURL", RuleValue},
		{"server is a path", func(p *Profile) { p.ServerURL = "/mdm" }, "ServerURL", RuleValue},
		{"odd scheme", func(p *Profile) { p.SCEPURL = "ftp://x/scep" }, "SCEPURL", RuleValue},
		{"line in name", func(p *Profile) { p.DisplayName = "a\nb" }, "DisplayName", RuleCharacters},
		{"line in subject", func(p *Profile) { p.Subject = [][][2]string{{{"CN", "\x01"}}} }, "Subject", RuleCharacters},
		{"right without the other", func(p *Profile) { p.AccessRights = 2 }, "AccessRights", RuleValue},
		{"unknown right", func(p *Profile) { p.AccessRights = 8192 }, "AccessRights", RuleValue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sampleProfile(t)
			tt.change(&p)
			_, err := p.Encode()
			var refused *FieldError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, FieldError{Field: tt.field, Rule: tt.rule}, *refused)
		})
	}
}

func TestProfileDoesNotPrintItsChallenge(t *testing.T) {
	assert.NotContains(t, printed(sampleProfile(t)), "s3cret")
}
