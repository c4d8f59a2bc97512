package lock_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exit is a function that takes a secret out of its type.
type exit struct {
	times int
	why   string
}

// exits are all places outside tests where a secret leaves its type, by file and function. A line is added here with a reason, or not.
var exits = map[string]exit{
	"pin/pin.go: PIN.Expose":         {2, "is the exit"},
	"pin/pin.go: PIN.IsZero":         {1, "asks whether there is a secret"},
	"pin/pin.go: PIN.Equal":          {2, "compares in constant time"},
	"pin/keyring.go: NewKeyring":     {1, "asks for the size of a key"},
	"pin/keyring.go: Keyring.Seal":   {1, "seals"},
	"pin/keyring.go: derive":         {1, "uses a key"},
	"pin/keytext.go: Keyring.text":   {1, "writes keys for the keyring file"},
	"pin/check.go: Policy.Findings":  {1, "checks a PIN"},
	"lock/body.go: Service.openBody": {1, "puts a kept message of a device together, to compare it or to give it to a person"},
	"lock/secret.go: contains":       {1, "keeps a PIN out of texts"},
	"lock/secret.go: betrays":        {1, "keeps a token out of texts"},
	"lock/secret.go: sizeOf":         {1, "tells how long a PIN is, to keep it out of texts"},
	"lock/secret.go: mask":           {1, "looks at the shape of a PIN with letters, to keep such words out of texts"},

	"android/validate.go: Validate": {1, "checks a passcode by the platform's rules"},
	"android/generate.go: chosen":   {1, "tells how many characters a passcode has"},

	"android/agent/encode.go: command.passcode": {1, "encrypts a passcode to the device"},
	"android/agent/encode.go: secret.token":     {1, "encrypts a reset token to the device"},
	"android/amapi/command.go: Command.encode":  {1, "writes the command for Google"},
	"android/amapi/plan.go: planner.passcode":   {1, "tells how many digits a passcode has"},

	"mdmproto/command.go: DeviceLock.CheckText": {1, "keeps a PIN out of the message on the locked screen"},
	"mdmproto/command.go: DeviceLock.Encode":    {1, "writes the command for the Mac"},
	"mdmproto/command.go: encodeBootstrapToken": {1, "gives a Mac back what it handed over"},
	"mdmproto/profile.go: Profile.check":        {1, "checks the SCEP challenge"},
	"mdmproto/profile.go: Profile.scep":         {1, "writes the SCEP challenge for the Mac"},

	"examples/embed/main.go: embed":                              {1, "tells how many digits there are"},
	"examples/server/internal/api/action.go: api.revealPIN":      {1, "shows a PIN after its reveal was recorded"},
	"examples/server/internal/console/reveal.go: console.reveal": {2, "shows a PIN after its reveal was recorded"},
	"examples/server/internal/ca/ca.go: Open":                    {1, "uses the CA's key"},
	"examples/server/internal/agents/key.go: OpenKey":            {1, "uses the key that signs commands for agents"},
	"examples/server/internal/console/links.go: console.collect": {2, "shows a passcode after its reveal was recorded"},
	"examples/server/internal/delivery/clear.go: clearLetter":    {1, "mails a passcode after its reveal was recorded, where the operator allows that"},
	"examples/server/internal/computers/seal.go: Store.cipher":   {1, "uses the key that encrypts digests and sessions of Windows devices"},
	"examples/server/audit.go: newTrail":                         {1, "uses the audit log's key"},

	"lock/locktest/codec.go: Codec.Encode":  {2, "writes the command for the device of a test"},
	"lock/locktest/fixture.go: Fixture.PIN": {1, "gives a test the PIN to compare with"},
}

func TestSecretsLeaveInKnownPlaces(t *testing.T) {
	for _, finding := range checkExits(exits)(moduleSources(t)) {
		t.Error(finding)
	}
}

// TestNoTemplateTakesASecretOut: a template may call any method of what it is given.
func TestNoTemplateTakesASecretOut(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(moduleRoot, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && name != moduleRoot && notOurs(name, entry.Name()) {
				return filepath.SkipDir
			}
			return err
		}
		if !slices.Contains([]string{".html", ".tmpl", ".gohtml"}, filepath.Ext(name)) {
			return nil
		}
		seen++
		text, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(text), ".Expose") {
			t.Errorf("%s calls Expose: do it in Go, where the list of exits has it", name)
		}
		return err
	})
	require.NoError(t, err)
	require.Positive(t, seen, "no templates were found")
}

func TestExitRuleFinds(t *testing.T) {
	listed := checkExits(map[string]exit{"x/x.go: F": {1, "may"}})
	none := checkExits(nil)
	for _, c := range []ruleCase{
		{"a call", none, "x/x.go", "package x\nfunc F() { _ = p.Expose() }", `"x/x.go: F": {1, "why it may"}`},
		{"listed", listed, "x/x.go", "package x\nfunc F() { _ = p.Expose() }", ""},
		{"once more", listed, "x/x.go", "package x\nfunc F() { _ = p.Expose() + p.Expose() }", "x/x.go:2: F takes a secret out of its type 2 times, listed are 1"},
		{"in another function", listed, "x/x.go", "package x\nfunc F() { p.Expose() }\nfunc G() { p.Expose() }", "x/x.go:3: G"},
		{"no more", listed, "x/x.go", "package x\nfunc F() {}", `take "x/x.go: F" off the list`},
		{"in a method", none, "x/x.go", "package x\nfunc (t *T) F() { p.Expose() }", `"x/x.go: T.F"`},
		{"in a function value", none, "x/x.go", "package x\nvar f = func() { p.Expose() }", `"x/x.go: f"`},
		{"at the end of a chain", none, "x/x.go", "package x\nfunc F() { a.b().c[0].Expose() }", "x/x.go: F"},
		{"method value", none, "x/x.go", "package x\nfunc F() { f := p.Expose; _ = f }", "x/x.go: F"},
		{"method expression", none, "x/x.go", "package x\nvar f = pin.PIN.Expose", "x/x.go: f"},
		{"of another name for the type", none, "x/x.go", "package x\ntype Q = pin.PIN\nfunc F(q Q) { (*Q).Expose(&q) }", "x/x.go: F"},
		{"promoted", none, "x/x.go", "package x\ntype Q struct{ pin.PIN }\nfunc F(q Q) { q.Expose() }", "x/x.go: F"},
		{"through an interface", none, "x/x.go", "package x\nfunc F(a any) { a.(interface{ Expose() string }).Expose() }", "x/x.go: F"},
		{"by reflection", none, "x/x.go", "package x\nfunc F() { v.MethodByName(\"Expose\") }", "x/x.go: F"},
		{"in a template", none, "x/x.go", "package x\nconst page = `<p>{{.PIN.Expose}}</p>`", "x/x.go: page"},
		{"past the method, in pin", none, "pin/x.go", "package pin\nfunc F(p PIN) { p.digits() }", "pin/x.go: F"},
		{"past the method later, in pin", none, "pin/x.go", "package pin\nfunc F(p PIN) { get := p.digits; get() }", "pin/x.go: F"},
		{"a field of that name elsewhere", none, "x/x.go", "package x\nfunc F(c class) { c.digits++ }", ""},
		{"by reflection, by number", none, "x/x.go", "package x\nfunc F() { reflect.ValueOf(p).Method(0).Call(nil) }", "x/x.go: F"},
		{"by reflection, of the type", none, "x/x.go", "package x\nfunc F(t reflect.Type) { t.Method(0).Func.Call(nil) }", "x/x.go: F"},
		{"by reflection, all of them", none, "x/x.go", "package x\nfunc F() { for _, m := range v.Methods() { m.Call(nil) } }", "x/x.go: F"},
		{"by reflection, later", none, "x/x.go", "package x\nimport \"reflect\"\nfunc F() { get := v.Method; get(0) }", "x/x.go: F"},
		{"by reflection, under another name", none, "x/x.go", "package x\nimport r \"reflect\"\nvar f = r.Value.Method", "x/x.go: f"},
		{"by reflection, a name in parts", none, "x/x.go", "package x\nfunc F() { v.MethodByName(\"Ex\" + \"pose\") }", "x/x.go: F"},
		{"the method of a request", none, "x/x.go", "package x\nfunc F() { _ = r.Method }", ""},
		{"by reflection, in a test", none, "x/x_test.go", "package x\nfunc F() { v.Method(0) }", ""},
		{"in a test", none, "x/x_test.go", "package x\nfunc F() { p.Expose() }", ""},
		{"in a comment", none, "x/x.go", "package x\n// F calls p.Expose().\nfunc F() { say(\"use Expose\") }", ""},
	} {
		t.Run(c.name, c.run)
	}
}

// checkExits compares what is in the files with the list. It goes by the name of the method, whatever the type is called.
func checkExits(list map[string]exit) rule {
	return func(files []sourceFile) []string {
		var findings []string
		found := findExits(files)
		for key, lines := range found {
			if listed := list[key].times; len(lines) != listed {
				file, name, _ := strings.Cut(key, ": ")
				findings = append(findings, fmt.Sprintf("%s:%d: %s takes a secret out of its type %d times, listed are %d. "+
					"If it must, put it in lock/expose_test.go: %q: {%d, \"why it may\"},", file, lines[0], name, len(lines), listed, key, len(lines)))
			}
		}
		for key := range list {
			if found[key] == nil {
				findings = append(findings, fmt.Sprintf("no secret leaves there any more: take %q off the list in lock/expose_test.go", key))
			}
		}
		slices.Sort(findings)
		return findings
	}
}

// findExits returns the lines of all exits outside tests, by file and function.
func findExits(files []sourceFile) map[string][]int {
	found := map[string][]int{}
	for _, f := range files {
		if f.test {
			continue
		}
		for _, decl := range f.ast.Decls {
			if lines := exitsIn(f, decl); lines != nil {
				key := f.path + ": " + declName(decl)
				found[key] = append(found[key], lines...)
			}
		}
	}
	return found
}

// reflected are the ways by which reflection comes to a method.
var reflected = []string{"Method", "Methods", "MethodByName"}

// exitsIn returns the lines where a declaration names the method or the field behind it, asks reflection for a method, or has the
// method's name in a text that reflection or a template would understand.
func exitsIn(f sourceFile, decl ast.Decl) (lines []int) {
	reflects := slices.ContainsFunc(f.ast.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"reflect"` })
	ast.Inspect(decl, func(n ast.Node) bool {
		out := false
		switch n := n.(type) {
		case *ast.SelectorExpr:
			out = n.Sel.Name == "Expose" || n.Sel.Name == "digits" && f.pkg() == "pin" || reflects && slices.Contains(reflected, n.Sel.Name)
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			out = ok && !reflects && slices.Contains(reflected, sel.Sel.Name)
		case *ast.BasicLit:
			out = n.Kind == token.STRING && (strings.Trim(n.Value, "\"`") == "Expose" || strings.Contains(n.Value, ".Expose"))
		}
		if out {
			lines = append(lines, f.line(n.Pos()))
		}
		return true
	})
	return lines
}

// declName is the function with its receiver, or the first name of another declaration.
func declName(decl ast.Decl) string {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		return funcName(decl).name
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				return spec.Names[0].Name
			case *ast.TypeSpec:
				return spec.Name.Name
			}
		}
	}
	return "?"
}
