package windows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	buildPhone   = "10.0.15254.603"
	buildDesktop = "10.0.22631.4460"
)

// judged is one row: what is known, and what the act does then.
type judged struct {
	name   string
	facts  Facts
	act    Act
	effect Effect
	code   Code
}

func checkJudged(t *testing.T, rows []judged) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			v := Judge(row.facts, row.act)
			assert.Equal(t, row.effect, v.Effect)
			assert.Equal(t, row.code, v.Code)
			assert.Equal(t, row.act, v.Act)
			assert.NotEmpty(t, v.Text)
		})
	}
}

func TestJudgeRemoteLock(t *testing.T) {
	phone := Facts{Class: ClassPhone, Build: buildPhone}
	holo := Facts{Class: ClassHoloLens, Build: "10.0.22621.1399"}
	desktop := Facts{Class: ClassDesktop, Build: buildDesktop, Edition: 48}
	checkJudged(t, []judged{
		{"phone locks", phone, ActLock, EffectWorks, CodeLocks},
		{"Windows Phone 8.1 locks", Facts{Class: ClassPhone, Build: "8.10.14219.341"}, ActLock, EffectWorks, CodeLocks},
		{"phone resets", phone, ActReset, EffectWorks, CodeResets},
		{"phone that said it has no remote lock", Facts{Class: ClassPhone, RemoteLock: No}, ActLock, EffectFails, CodeLockAbsent},
		{"phone without remote lock cannot reset", Facts{Class: ClassPhone, RemoteLock: No, Reset: Yes}, ActReset, EffectFails, CodeResetAbsent},
		{"phone that said it cannot reset", Facts{Class: ClassPhone, Reset: No}, ActReset, EffectFails, CodeResetAbsent},
		{"HoloLens locks", holo, ActLock, EffectWorks, CodeLocks},
		{"HoloLens of 20H2 locks", Facts{Class: ClassHoloLens, Build: "10.0.19041.1128"}, ActLock, EffectWorks, CodeLocks},
		{"HoloLens before 20H2", Facts{Class: ClassHoloLens, Build: "10.0.19041.1103"}, ActLock, EffectUnknown, CodeLockUnknown},
		{"HoloLens of unknown build", Facts{Class: ClassHoloLens}, ActLock, EffectUnknown, CodeLockUnknown},
		{"old HoloLens that lists it", Facts{Class: ClassHoloLens, Build: "10.0.18362.1", RemoteLock: Yes}, ActLock, EffectUnproven, CodeListed},
		{"HoloLens does not reset", holo, ActReset, EffectFails, CodeLockOnly},
		{"HoloLens does not recover", with(holo, func(f *Facts) { f.PINRecovery = Yes }), ActRecover, EffectFails, CodeLockOnly},
		{"HoloLens that lists a reset", with(holo, func(f *Facts) { f.Reset = Yes }), ActReset, EffectUnproven, CodeListed},
		{"desktop Pro does not lock", desktop, ActLock, EffectFails, CodeDesktopLock},
		{"desktop Enterprise does not reset", with(desktop, func(f *Facts) { f.Edition = 4 }), ActReset, EffectFails, CodeDesktopLock},
		{"desktop Education does not recover", with(desktop, func(f *Facts) { f.Edition = 121 }), ActRecover, EffectFails, CodeDesktopLock},
		{"desktop Home does not lock", with(desktop, func(f *Facts) { f.Edition = 101 }), ActLock, EffectFails, CodeDesktopLock},
		{"desktop that lists a lock", with(desktop, func(f *Facts) { f.RemoteLock = Yes }), ActLock, EffectUnproven, CodeListed},
		{"desktop that lists a reset", with(desktop, func(f *Facts) { f.Reset = Yes }), ActReset, EffectUnproven, CodeListed},
		{"desktop that lists none", with(desktop, func(f *Facts) { f.RemoteLock = No }), ActLock, EffectFails, CodeLockAbsent},
		{"an edition is no evidence", Facts{Edition: 48, Build: buildDesktop}, ActLock, EffectUnknown, CodeLockUnknown},
		{"an edition of phones is none either", Facts{Edition: 104, Build: buildPhone}, ActReset, EffectUnknown, CodeLockUnknown},
		{"unknown class that lists a lock", Facts{RemoteLock: Yes}, ActLock, EffectUnproven, CodeListed},
		{"unknown class that lists a reset", Facts{RemoteLock: Yes, Reset: Yes}, ActReset, EffectUnproven, CodeListed},
		{"unknown class that lists none", Facts{RemoteLock: No}, ActLock, EffectFails, CodeLockAbsent},
		{"nothing known", Facts{}, ActReset, EffectUnknown, CodeLockUnknown},
		{"no such act", phone, Act("explode"), EffectFails, CodeUnsupported},
	})
}

func TestJudgeRecover(t *testing.T) {
	phone := Facts{Class: ClassPhone, Build: buildPhone, PINRecovery: Yes}
	checkJudged(t, []judged{
		{"enabled, 1703", phone, ActRecover, EffectWorks, CodeRecovers},
		{"not known whether enabled", with(phone, func(f *Facts) { f.PINRecovery = Unknown }), ActRecover, EffectUnknown, CodeRecoverUnknown},
		{"not enabled", with(phone, func(f *Facts) { f.PINRecovery = No }), ActRecover, EffectFails, CodeRecoverOff},
		{"before 1703", with(phone, func(f *Facts) { f.Build = "10.0.14393.1" }), ActRecover, EffectFails, CodeRecoverBuild},
		{"unknown build", with(phone, func(f *Facts) { f.Build = "" }), ActRecover, EffectUnknown, CodeRecoverUnknown},
		{"listed, unknown build", with(phone, func(f *Facts) { f.Build, f.Recover = "", Yes }), ActRecover, EffectWorks, CodeRecovers},
		{"listed, before 1703", with(phone, func(f *Facts) { f.Build, f.Recover = "10.0.14393.1", Yes }), ActRecover, EffectWorks, CodeRecovers},
		{"absent", with(phone, func(f *Facts) { f.Recover = No }), ActRecover, EffectFails, CodeRecoverAbsent},
		{"no remote lock", with(phone, func(f *Facts) { f.RemoteLock = No }), ActRecover, EffectFails, CodeRecoverAbsent},
	})
}

func TestJudgeLockOut(t *testing.T) {
	desktop := Facts{Class: ClassDesktop, Build: buildDesktop, Edition: 48}
	rows := []judged{
		{"desktop", desktop, ActLockOut, EffectUnproven, CodeLockOutUnproven},
		{"first build", with(desktop, func(f *Facts) { f.Build = "10.0.17134.1" }), ActLockOut, EffectUnproven, CodeLockOutUnproven},
		{"edition unknown", with(desktop, func(f *Facts) { f.Edition = 0 }), ActLockOut, EffectUnproven, CodeLockOutUnproven},
		{"build before", with(desktop, func(f *Facts) { f.Build = "10.0.16299.1" }), ActLockOut, EffectFails, CodeLockOutBuild},
		{"build before, but it has the policy", with(desktop, func(f *Facts) { f.Build, f.SignInPolicy = "10.0.16299.1", Yes }),
			ActLockOut, EffectUnproven, CodeLockOutUnproven},
		{"unknown build", with(desktop, func(f *Facts) { f.Build = "" }), ActLockOut, EffectUnknown, CodeLockOutUnknown},
		{"Home", with(desktop, func(f *Facts) { f.Edition = 101 }), ActLockOut, EffectFails, CodeHome},
		{"Home N", with(desktop, func(f *Facts) { f.Edition = 98 }), ActLockOut, EffectFails, CodeHome},
		{"only a user enrolled", with(desktop, func(f *Facts) { f.UserEnrolled = Yes }), ActLockOut, EffectFails, CodeUserEnrolled},
		{"refused the policy", with(desktop, func(f *Facts) { f.SignInPolicy = No }), ActLockOut, EffectFails, CodePolicyAbsent},
		{"phone", Facts{Class: ClassPhone, SignInPolicy: Yes}, ActLockOut, EffectFails, CodeNotDesktop},
		{"HoloLens", Facts{Class: ClassHoloLens}, ActLockOut, EffectFails, CodeNotDesktop},
		{"class unknown", Facts{Edition: 48, Build: buildDesktop}, ActLockOut, EffectUnknown, CodeLockOutUnknown},
		{"class unknown, has the policy", Facts{SignInPolicy: Yes}, ActLockOut, EffectUnproven, CodeLockOutUnproven},
	}
	checkJudged(t, rows)
	for _, row := range rows {
		row.act, row.name = ActUnlock, row.name+", unlock"
		if row.effect == EffectUnproven {
			row.code = CodeUnlockUnproven
		}
		checkJudged(t, []judged{row})
	}
}

func TestCapabilities(t *testing.T) {
	verdicts := Capabilities(Facts{Class: ClassHoloLens, Build: "10.0.22621.1399"})
	acts := make(map[Act]Effect, len(verdicts))
	for _, v := range verdicts {
		acts[v.Act] = v.Effect
	}
	require.Equal(t, map[Act]Effect{
		ActLock: EffectWorks, ActReset: EffectFails, ActRecover: EffectFails, ActLockOut: EffectFails, ActUnlock: EffectFails,
	}, acts)
}

// TestCodes holds that each code has its sentence.
func TestCodes(t *testing.T) {
	for _, s := range sentences {
		require.NotEmpty(t, s.code.sentence(), s.code)
	}
	require.Empty(t, Code("none").sentence())
}
