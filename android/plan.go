package android

import "github.com/latchkey-mdm/latchkey/lock"

// SecretToken is the name of the secret that holds a reset token: 32 random bytes, which no person is shown.
const SecretToken = "reset_token"

// Plan is the preflight of an agent that speaks the contract of package android/agent: what Findings says, what is wrong with its key or
// its token, the policy that a passcode must obey, and the action whose token the command needs. The policy is that of the device (see
// Policy.PIN), also for a passcode that is kept; one of the caller's own must have pin.RuleAll and no characters but 33 to 126 of ASCII,
// and Findings says what the device has against it.
func Plan(d lock.Device, r lock.Request) lock.Plan {
	f := FromDevice(d)
	plan := lock.Plan{Findings: Findings(f, r), NoPIN: true}
	switch r.Kind {
	case lock.KindResetPasscode:
		plan.NoPIN = false
		if plan.Policy = f.Policy.PIN(f.APILevel); !r.PIN.IsZero() {
			plan.Policy = chosen(r.PIN)
		}
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
	if f.TokenID == "" && v.Effect != EffectFails {
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
