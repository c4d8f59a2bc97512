package lock_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The budgets: what a reader can hold in mind. Cognitive complexity (15) is the linter's.
const (
	maxFileLines     = 400
	maxFunctionLines = 60 // from the line of func to that of the closing brace
	maxExported      = 30 // top-level types, functions and variables; the constants of one type count as one with it
)

// exportedBudgets are the packages with a number of their own.
var exportedBudgets = map[string]int{"pin": 20, "lock": 45}

// wellKnownMethods need no comment: the interface that they satisfy says it.
var wellKnownMethods = []string{"Error", "Unwrap", "Is", "As", "String", "ServeHTTP", "Len", "Less", "Swap"}

func TestBudgets(t *testing.T) {
	files := moduleSources(t)
	for name, check := range map[string]rule{
		"files are short":        checkFileLength,
		"functions are short":    checkFunctionLength,
		"packages are explained": checkPackageDocs,
		"names are explained":    checkNameDocs,
		"packages export little": checkExported,
	} {
		t.Run(name, func(t *testing.T) {
			for _, finding := range check(files) {
				t.Error(finding)
			}
		})
	}
}

func TestBudgetRulesFind(t *testing.T) {
	long := func(lines int) string { return strings.Repeat("\n", lines-1) }
	thirty := "package x\n"
	for i := range maxExported {
		thirty += fmt.Sprintf("type T%d int\n", i)
	}
	for _, c := range []ruleCase{
		{"file of 401 lines", checkFileLength, "x/x.go", "package x\n" + long(401), "x/x.go: 401 lines, at most 400"},
		{"file of 400 lines", checkFileLength, "x/x.go", "package x\n" + long(400), ""},
		{"function of 61 lines", checkFunctionLength, "x/x_test.go", "package x\nfunc f() {" + long(61) + "}", "x_test.go:2: f has 61 lines"},
		{"function of 60 lines", checkFunctionLength, "x/x.go", "package x\nfunc f() {" + long(60) + "}", ""},
		{"long function value", checkFunctionLength, "x/x.go", "package x\nvar f = func() {" + long(61) + "}", "has 61 lines"},
		{"package without a comment", checkPackageDocs, "x/x.go", "package x", "x: package comment missing"},
		{"package with a comment", checkPackageDocs, "x/x.go", "// Package x is.\npackage x", ""},
		{"function without a comment", checkNameDocs, "x/x.go", "package x\nfunc F() {}", "x/x.go:2: F has no comment"},
		{"method without a comment", checkNameDocs, "x/x.go", "package x\n// T is.\ntype T int\nfunc (t *T) M() {}", "x/x.go:4: T.M has no comment"},
		{"method of a type that nobody sees", checkNameDocs, "x/x.go", "package x\ntype t int\nfunc (t) M() {}", ""},
		{"well-known method", checkNameDocs, "x/x.go", "package x\n// T is.\ntype T int\nfunc (T) Error() string { return \"\" }", ""},
		{"type in a group", checkNameDocs, "x/x.go", "package x\n// These are types.\ntype (\n\tT int\n)", "x/x.go:4: T has no comment"},
		{"constants under one comment", checkNameDocs, "x/x.go", "package x\n// These are sizes.\nconst (\n\tA = 1\n\tB = 2\n)", ""},
		{"variable without a comment", checkNameDocs, "x/x.go", "package x\nvar V int", "x/x.go:2: V has no comment"},
		{"thirty names", checkExported, "x/x.go", thirty, ""},
		{"a name too many", checkExported, "x/x.go", thirty + "var V int", "x: 31 exported names, at most 30"},
		{"a constant too many", checkExported, "x/x.go", thirty + "const C = 1", "31 exported names"},
		{"constants count with their type", checkExported, "x/x.go",
			thirty + "const (\n\tA T1 = iota\n\tB\n)\nconst C = T2(4)\nfunc (T1) M() {}\nfunc f() {}", ""},
		{"constants of a hidden type are one name", checkExported, "x/x.go", thirty + "type t int\nconst (\n\tA t = iota\n\tB\n)", "31 exported names"},
		{"a command exports to nobody", checkExported, "x/x.go", strings.Replace(thirty, "package x", "package main", 1) + "var V int", ""},
	} {
		t.Run(c.name, c.run)
	}
}

func checkFileLength(files []sourceFile) []string {
	var findings []string
	for _, f := range files {
		if f.lines > maxFileLines {
			findings = append(findings, fmt.Sprintf("%s: %d lines, at most %d", f.path, f.lines, maxFileLines))
		}
	}
	return findings
}

func checkFunctionLength(files []sourceFile) []string {
	var findings []string
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				name := "function value"
				switch fn := n.(type) {
				case *ast.FuncDecl:
					name = fn.Name.Name
				case *ast.FuncLit:
				default:
					return true
				}
				if lines := f.line(n.End()) - f.line(n.Pos()) + 1; lines > maxFunctionLines {
					findings = append(findings, fmt.Sprintf("%s:%d: %s has %d lines, at most %d",
						f.path, f.line(n.Pos()), name, lines, maxFunctionLines))
				}
				return false
			})
		}
	}
	return findings
}

func checkPackageDocs(files []sourceFile) []string {
	documented := map[string]bool{}
	for _, f := range files {
		if !f.test {
			documented[f.pkg()] = documented[f.pkg()] || f.ast.Doc != nil
		}
	}
	var findings []string
	for pkg, ok := range documented {
		if !ok {
			findings = append(findings, pkg+": package comment missing")
		}
	}
	slices.Sort(findings)
	return findings
}

// name is one exported name at top level, or a method.
type name struct {
	name       string
	pos        token.Pos
	documented bool
	counts     string // what it counts as: its own name, the type of a constant, or nothing
}

func checkNameDocs(files []sourceFile) []string {
	var findings []string
	for _, f := range files {
		if f.test {
			continue
		}
		for _, n := range exportedNames(f, nil) {
			if !n.documented {
				findings = append(findings, fmt.Sprintf("%s:%d: %s has no comment", f.path, f.line(n.pos), n.name))
			}
		}
	}
	return findings
}

func checkExported(files []sourceFile) []string {
	types := packageTypes(files)
	exported := map[string][]string{} // by package
	for _, f := range files {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, n := range exportedNames(f, types[f.pkg()]) {
			if n.counts != "" && !slices.Contains(exported[f.pkg()], n.counts) {
				exported[f.pkg()] = append(exported[f.pkg()], n.counts)
			}
		}
	}
	var findings []string
	for pkg, names := range exported {
		if budget := exportedBudget(pkg); len(names) > budget {
			findings = append(findings, fmt.Sprintf("%s: %d exported names, at most %d", pkg, len(names), budget))
		}
	}
	slices.Sort(findings)
	return findings
}

func packageTypes(files []sourceFile) map[string][]string {
	types := map[string][]string{}
	for _, f := range files {
		for _, spec := range typeSpecs(f) {
			types[f.pkg()] = append(types[f.pkg()], spec.Name.Name)
		}
	}
	return types
}

func exportedBudget(pkg string) int {
	if own, ok := exportedBudgets[pkg]; ok {
		return own
	}
	return maxExported
}

// exportedNames lists what a file exports. Constants of one of the given types, those of its package, count as the type.
func exportedNames(f sourceFile, types []string) []name {
	var names []name
	for _, decl := range f.ast.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			names = append(names, funcName(decl))
		case *ast.GenDecl:
			names = append(names, declNames(decl, types)...)
		}
	}
	return slices.DeleteFunc(names, func(n name) bool {
		return slices.ContainsFunc(strings.Split(n.name, "."), func(part string) bool { return !ast.IsExported(part) })
	})
}

func declNames(decl *ast.GenDecl, types []string) []name {
	var names []name
	constType := ""
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			alone := !decl.Lparen.IsValid() && decl.Doc != nil
			names = append(names, name{spec.Name.Name, spec.Pos(), spec.Doc != nil || alone, spec.Name.Name})
		case *ast.ValueSpec:
			repeats := spec.Type == nil && spec.Values == nil // of the specification before it, as iota lists do
			if decl.Tok == token.CONST && !repeats {
				constType = typeOf(spec, types)
			}
			documented := decl.Doc != nil || spec.Doc != nil || spec.Comment != nil
			names = append(names, valueNames(spec, documented, constType)...)
		}
	}
	return names
}

func valueNames(spec *ast.ValueSpec, documented bool, countsAs string) []name {
	var names []name
	for _, id := range spec.Names {
		n := name{id.Name, id.Pos(), documented, countsAs}
		if countsAs == "" {
			n.counts = id.Name
		}
		names = append(names, n)
	}
	return names
}

func funcName(decl *ast.FuncDecl) name {
	n := name{decl.Name.Name, decl.Pos(), decl.Doc != nil, decl.Name.Name}
	if decl.Recv == nil {
		return n
	}
	n.name = receiver(decl.Recv.List[0].Type) + "." + n.name
	n.documented = n.documented || slices.Contains(wellKnownMethods, decl.Name.Name)
	n.counts = ""
	return n
}

// receiver is the type's name without pointer and type parameters.
func receiver(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// typeOf is the type of a constant when it is one of types: `const A T = 1` and `const A = T(1)`.
func typeOf(spec *ast.ValueSpec, types []string) string {
	expr := spec.Type
	if expr == nil && len(spec.Values) > 0 {
		if call, ok := spec.Values[0].(*ast.CallExpr); ok {
			expr = call.Fun
		}
	}
	if id, ok := expr.(*ast.Ident); ok && slices.Contains(types, id.Name) {
		return id.Name
	}
	return ""
}
