package android

import "github.com/latchkey-mdm/latchkey/lock"

// SecretToken is the name of the secret that holds a reset token: 32 random bytes, which no person is shown.
const SecretToken = "reset_token"

// Plan is the preflight of an agent that speaks the contract of package android/agent: what Findings says, what is wrong with its key or
// its token, the policy that a passcode must obey (see Passcode), and the action whose token the command needs.
func Plan(d lock.Device, r lock.Request) lock.Plan {
	f := FromDevice(d)
	plan := lock.Plan{Findings: Findings(f, r), NoPIN: true}
	switch r.Kind {
	case lock.KindResetPasscode:
		plan.NoPIN = false
		plan.Policy, _ = Passcode(f, r.PIN)
		use(&plan, f, ActReset)
	case lock.KindClearPasscode:
		use(&plan, f, ActClear)
	case lock.KindProvisionToken:
		plan.Makes = SecretToken
	}
	secret := !plan.NoPIN || plan.Uses != "" || plan.Makes != ""
	if secret && d.Facts[string(FactAgreementKey)].Value == "" {
		plan.Findings = append(plan.Findings, lock.Finding{
			Code: "no_key", Level: lock.LevelBlock,
			Text: "The device has given no key to encrypt secrets to: enrol it again.",
		})
	}
	return plan
}

// use names the action whose token changes the passcode, if it takes one.
func use(plan *lock.Plan, f Facts, act Act) {
	v := Judge(f, act, f.Mode.own())
	if v.Method != MethodToken {
		return
	}
	plan.Uses = lock.ID(f.TokenID)
	if f.TokenID == "" && (v.Effect != EffectFails || passing[v.Code]) { // without it the order would be one for a direct reset
		plan.Findings = append(plan.Findings, lock.Finding{
			Code: "token_not_named", Level: lock.LevelBlock,
			Text: "The device has not said which reset token it has: provision a new one.",
		})
	}
}

// own is the scope whose passcode the agent may change.
func (m Mode) own() Scope {
	if m.profile() {
		return ScopeProfile
	}
	return ScopeDevice
}
