package lock_test

import (
	"fmt"
	"go/ast"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Outside modules, by what they are for.
const (
	modPlist   = "github.com/groob/plist"
	modCMS     = "github.com/smallstep/pkcs7"
	modSCEP    = "github.com/smallstep/scep"
	modAPNs    = "github.com/sideshow/apns2"
	modHTTP2   = "golang.org/x/net/http2"
	modSQLite  = "modernc.org/sqlite"
	modPgx     = "github.com/jackc/pgx/v5"
	modLog     = "golang.org/x/mod/sumdb" // tlog and note
	modMerkle  = "github.com/transparency-dev/merkle"
	modSession = "github.com/alexedwards/scs/v2"
	modCrypto  = "golang.org/x/crypto"
	modMetrics = "github.com/prometheus/client_golang"
	modTestify = "github.com/stretchr/testify"
	modRapid   = "pgregory.net/rapid"
	modBrowser = "github.com/chromedp"
	modJOSE    = "github.com/go-jose/go-jose/v4"
	modSchema  = "github.com/santhosh-tekuri/jsonschema/v6"
	modOAuth2  = "golang.org/x/oauth2"
	modMail    = "github.com/wneessen/go-mail"
	modSMTP    = "github.com/emersion/go-smtp"
	modSASL    = "github.com/emersion/go-sasl"
)

// arrows are what one package may import beside the standard library: packages of this module by their folder, outside
// modules by their path. An internal package is named by its folder up to and including "internal"; the package that holds
// it need not list it.
type arrows struct {
	code  []string
	tests []string // for its tests, in addition to code and to testTools
}

// testTools may be used by every test.
var testTools = []string{modTestify, modRapid}

// architecture is the whole picture. pin and lock stand on the standard library alone, no adapter imports another, and
// examples/server is the only place where everything meets.
var architecture = map[string]arrows{
	"pin": {},
	"lock": {
		code:  []string{"pin"},
		tests: []string{"lock/locktest", "store"},
	},
	"lock/locktest": {
		code:  []string{"lock", "pin"},
		tests: []string{"store"},
	},
	"lock/bulk": {
		code:  []string{"lock", "pin"},
		tests: []string{"lock/locktest", "store"},
	},
	"mdmproto": {
		code:  []string{"lock", "pin", modPlist, modCMS},
		tests: []string{"mdmproto/mdmtest", "lock/locktest", "store", "store/sqlite", modSCEP, modSQLite},
	},
	"mdmproto/push": {
		code:  []string{"lock", modAPNs, modHTTP2},
		tests: []string{"mdmproto/push/pushtest", "mdmproto", "lock/locktest", "store"},
	},
	"mdmproto/push/pushtest": {
		code: []string{modHTTP2},
	},
	// The simulated Mac shares no code with what it tests.
	"mdmproto/mdmtest": {
		code: []string{modPlist, modCMS, modSCEP},
	},
	// What works where, and which passcodes: no network, no cryptography.
	"android": {
		code:  []string{"lock", "pin"},
		tests: []string{"android/androidtest", "lock/locktest", "store"},
	},
	"android/agent": {
		code:  []string{"android", "lock", "pin", modJOSE},
		tests: []string{"android/androidtest", "lock/locktest", "store", "store/sqlite", modSchema, modSQLite},
	},
	// The simulated phone shares no code with what it tests.
	"android/androidtest": {
		code:  []string{modJOSE},
		tests: []string{"android"},
	},
	"android/amapi": {
		code:  []string{"android", "android/internal", "lock", "pin", modOAuth2},
		tests: []string{"android/amapi/amapitest", "lock/locktest", "store"},
	},
	"android/amapi/amapitest": {},
	"android/fcm": {
		code:  []string{"android/internal", "lock", modOAuth2},
		tests: []string{"android/amapi/amapitest", "lock/locktest", "store"},
	},
	// How both speak to Google.
	"android/internal": {code: []string{modOAuth2}},
	"windows": {
		code:  []string{"windows/syncml", "windows/omadm", "lock", "pin"},
		tests: []string{"windows/windowstest", "lock/locktest", "store", "store/sqlite", modSQLite},
	},
	// The protocol knows nothing of locks: no ledger, no network, no clock.
	"windows/syncml": {},
	"windows/omadm":  {code: []string{"windows/syncml"}},
	"windows/wns": {
		code:  []string{"lock", modOAuth2},
		tests: []string{"windows/wns/wnstest", "lock/locktest", "store"},
	},
	"windows/wns/wnstest": {},
	// The simulated device shares no code with what it tests.
	"windows/windowstest": {},
	"store": {
		code:  []string{"lock", "pin"},
		tests: []string{"store/storetest", "store/auditlog", "store/auditlog/auditlogtest", "lock/locktest"},
	},
	"store/internal": {
		code: []string{"lock", "pin"},
	},
	// The driver is the caller's choice.
	"store/sqlite": {
		code:  []string{"lock", "pin", "store/internal"},
		tests: []string{"store", "store/storetest", "store/auditlog", "store/auditlog/auditlogtest", "lock/locktest", modSQLite},
	},
	"store/postgres": {
		code:  []string{"lock", "pin", "store/internal", modPgx},
		tests: []string{"store", "store/storetest", "store/auditlog", "store/auditlog/auditlogtest", "store/postgres/postgrestest", "lock/locktest"},
	},
	"store/postgres/postgrestest": {
		code: []string{modPgx},
	},
	"store/storetest": {
		code:  []string{"lock", "pin", modTestify},
		tests: []string{"store"},
	},
	// It knows stores by their interfaces alone; its tests tamper with real ones.
	"store/auditlog": {
		code:  []string{"lock", modLog},
		tests: []string{"pin", "store", "store/storetest", "store/sqlite", "store/postgres", "store/postgres/postgrestest", "store/auditlog/auditlogtest", "lock/locktest", modSQLite, modPgx, modMerkle},
	},
	"store/auditlog/auditlogtest": {
		code:  []string{"store/auditlog", "lock", modLog, modTestify},
		tests: []string{"store"},
	},
	"examples/embed": {
		code:  []string{"lock", "pin", "mdmproto", "store", "store/sqlite", modSQLite},
		tests: []string{"mdmproto/mdmtest"},
	},
	"examples/server":          serverArrows,
	"examples/server/internal": serverArrows,
}

var serverArrows = arrows{
	code: []string{
		"lock", "lock/bulk", "pin", "mdmproto", "mdmproto/mdmtest", "mdmproto/push", "android", "android/agent", "android/androidtest", "android/fcm",
		"windows", "windows/omadm", "windows/syncml", "windows/windowstest", "windows/wns",
		"store", "store/sqlite", "store/postgres", "store/auditlog", "examples/server/internal",
		modPlist, modCMS, modSCEP, modSQLite, modPgx, modLog, modSession, modCrypto, modMetrics, modJOSE, modOAuth2, modMail,
	},
	tests: []string{"android/amapi/amapitest", "windows/wns/wnstest", modSMTP, modSASL, "lock/locktest", "mdmproto/push/pushtest", "store/storetest", "store/postgres/postgrestest", modBrowser},
}

// topLevel is what the module's root may hold; what .gitignore names is passed over.
var topLevel = []string{
	"pin", "lock", "mdmproto", "android", "windows", "store", "examples", ".ci", ".github", ".git",
	"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "go.mod", "go.sum", ".golangci.yml", ".gitignore",
}

const maxInterfaceMethods = 4

func TestArchitecture(t *testing.T) {
	files := moduleSources(t)
	for name, check := range map[string]rule{
		"imports follow the arrows": checkImports,
		"interfaces are small":      checkInterfaces,
		"no init functions":         checkInit,
	} {
		t.Run(name, func(t *testing.T) {
			for _, finding := range check(files) {
				t.Error(finding)
			}
		})
	}
}

func TestTopLevel(t *testing.T) {
	ignored, err := os.ReadFile(path.Join(moduleRoot, ".gitignore"))
	require.NoError(t, err)
	entries, err := os.ReadDir(moduleRoot)
	require.NoError(t, err)
	for _, entry := range entries {
		known := slices.Contains(topLevel, entry.Name()) || isIgnored(string(ignored), entry.Name())
		assert.True(t, known, "%s: the root holds the folders of the architecture and the usual files, nothing else", entry.Name())
	}
}

func TestArchitectureRulesFind(t *testing.T) {
	for _, c := range []ruleCase{
		{"outside module in lock", checkImports, "lock/x.go", `package lock; import "modernc.org/sqlite"`, "lock/x.go:1: lock may not import modernc.org/sqlite"},
		{"prefix of a name is no module", checkImports, "mdmproto/x.go", `package mdmproto; import "github.com/groob/plistx"`, "plistx"},
		{"one adapter imports another", checkImports, "mdmproto/x.go", `package mdmproto; import "` + modulePath + `/store"`, "may not import store"},
		{"test tool outside a test", checkImports, "pin/x.go", `package pin; import "github.com/stretchr/testify/assert"`, "testify"},
		{"test tool in a test", checkImports, "pin/x_test.go", `package pin; import "github.com/stretchr/testify/assert"`, ""},
		{"driver in a store", checkImports, "store/sqlite/x.go", `package sqlite; import _ "modernc.org/sqlite"`, "modernc.org/sqlite"},
		{"driver in a store's test", checkImports, "store/sqlite/x_test.go", `package sqlite; import _ "modernc.org/sqlite"`, ""},
		{"internal package of the server", checkImports, "examples/server/internal/web/x.go",
			`package web; import "` + modulePath + `/examples/server/internal/db"`, ""},
		{"own internal package", checkImports, "store/x.go", `package store; import "` + modulePath + `/store/internal/change"`, ""},
		{"unknown package", checkImports, "surprise/x.go", `package surprise`, "add it to the map"},
		{"weak randomness", checkImports, "pin/x.go", `package pin; import "math/rand/v2"`, "crypto/rand"},
		{"weak randomness in a simulation", checkImports, "mdmproto/mdmtest/x.go", `package mdmtest; import "math/rand/v2"`, ""},
		{"large interface", checkInterfaces, "pin/x.go", `package pin; type S interface{ A(); B(); C(); D(); E() }`, "S has 5 methods"},
		{"interface grown by embedding", checkInterfaces, "pin/x.go", "package pin\ntype R interface{ A(); B() }\ntype S interface{ R; C(); D(); E() }", "x.go:3: interface S has 5"},
		{"four methods", checkInterfaces, "pin/x.go", `package pin; type S interface{ A(); B(); C(); D() }`, ""},
		{"init function", checkInit, "pin/x.go", `package pin; func init() {}`, "pin/x.go:1: init"},
		{"method named init", checkInit, "pin/x.go", `package pin; type s int; func (s) init() {}`, ""},
	} {
		t.Run(c.name, c.run)
	}
}

// isIgnored knows the plain patterns of .gitignore that can name an entry of the root.
func isIgnored(gitignore, name string) bool {
	for line := range strings.Lines(gitignore) {
		pattern := strings.Trim(strings.TrimSpace(line), "/")
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

func checkImports(files []sourceFile) []string {
	var findings []string
	unknown := map[string]bool{}
	for _, f := range files {
		row, known := architecture[uptoInternal(f.pkg())]
		if !known {
			unknown[f.pkg()] = true
			continue
		}
		own := []string{f.pkg(), uptoInternal(f.pkg()), f.pkg() + "/internal"}
		allowed := slices.Concat(own, row.code)
		if f.test {
			allowed = slices.Concat(allowed, row.tests, testTools)
		}
		for _, spec := range f.ast.Imports {
			if why := refusal(f, importPath(spec), allowed); why != "" {
				findings = append(findings, fmt.Sprintf("%s:%d: %s", f.path, f.line(spec.Pos()), why))
			}
		}
	}
	for pkg := range unknown {
		findings = append(findings, pkg+": unknown package: add it to the map in lock/arch_test.go with what it may import")
	}
	slices.Sort(findings)
	return findings
}

// refusal says why f may not import what, or nothing.
func refusal(f sourceFile, what string, allowed []string) string {
	if ours, ok := strings.CutPrefix(what, modulePath+"/"); ok {
		if !slices.Contains(allowed, uptoInternal(ours)) {
			return fmt.Sprintf("%s may not import %s", f.pkg(), ours)
		}
		return ""
	}
	if first, _, _ := strings.Cut(what, "/"); strings.Contains(first, ".") {
		if !slices.ContainsFunc(allowed, func(mod string) bool { return what == mod || strings.HasPrefix(what, mod+"/") }) {
			return fmt.Sprintf("%s may not import %s", f.pkg(), what)
		}
		return ""
	}
	weak := what == "math/rand" || what == "math/rand/v2"
	if weak && !f.test && f.pkg() != "mdmproto/mdmtest" {
		return fmt.Sprintf("%s imports %s: use crypto/rand", f.pkg(), what)
	}
	return ""
}

func uptoInternal(pkg string) string {
	if before, _, found := strings.Cut(pkg+"/", "/internal/"); found {
		return before + "/internal"
	}
	return pkg
}

func importPath(spec *ast.ImportSpec) string {
	unquoted, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // cannot be: it was parsed
	}
	return unquoted
}

// interfaceSpec is one named interface and the file that declares it.
type interfaceSpec struct {
	file sourceFile
	name string
	body *ast.InterfaceType
}

func checkInterfaces(files []sourceFile) []string {
	known := map[string]interfaceSpec{} // by folder and name
	for _, f := range files {
		for _, spec := range typeSpecs(f) {
			if body, ok := spec.Type.(*ast.InterfaceType); ok && !f.test {
				known[f.pkg()+"."+spec.Name.Name] = interfaceSpec{f, spec.Name.Name, body}
			}
		}
	}
	var findings []string
	for _, i := range known {
		if count := countMethods(i, known); count > maxInterfaceMethods {
			findings = append(findings, fmt.Sprintf("%s:%d: interface %s has %d methods, at most %d",
				i.file.path, i.file.line(i.body.Pos()), i.name, count, maxInterfaceMethods))
		}
	}
	slices.Sort(findings)
	return findings
}

// countMethods includes the methods of embedded interfaces of the same package.
func countMethods(i interfaceSpec, known map[string]interfaceSpec) int {
	count := 0
	for _, field := range i.body.Methods.List {
		count += len(field.Names)
		if embedded, ok := field.Type.(*ast.Ident); ok {
			if inner, ok := known[i.file.pkg()+"."+embedded.Name]; ok {
				count += countMethods(inner, known)
			}
		}
	}
	return count
}

func typeSpecs(f sourceFile) []*ast.TypeSpec {
	var specs []*ast.TypeSpec
	for _, decl := range f.ast.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			if ts, ok := spec.(*ast.TypeSpec); ok {
				specs = append(specs, ts)
			}
		}
	}
	return specs
}

func checkInit(files []sourceFile) []string {
	var findings []string
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				findings = append(findings, fmt.Sprintf("%s:%d: init: pass what it sets up as an argument", f.path, f.line(fn.Pos())))
			}
		}
	}
	return findings
}
