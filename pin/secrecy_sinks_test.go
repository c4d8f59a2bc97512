package pin_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"log/slog"
	"strings"
	"text/template"

	"github.com/stretchr/testify/assert"
)

// sink writes a value, and returns all that came out, errors included. The other value has the same shape.
type sink func(value, other any) string

func sinks() map[string]sink {
	return map[string]sink{
		"fmt verbs":     printVerbs,
		"fmt mistakes":  printMistakes,
		"fmt functions": printPlain,
		"log":           printLog,
		"slog text":     logWith(func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }),
		"slog JSON":     logWith(func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }),
		"json":          encodeWith(json.Marshal),
		"xml":           encodeWith(xml.Marshal),
		"gob":           encodeWith(encodeGob),
		"text/template": renderText,
		"html/template": renderHTML,
		"database/sql":  execute,
		"testify":       compare,
	}
}

// printVerbs knows all letters as verbs, with all flags.
func printVerbs(value, _ any) string {
	var out strings.Builder
	for c := 'A'; c <= 'z'; c++ {
		for _, flags := range strings.Split(",+,#,-,0,+#,# ,20,.3,20.6,-20,+.20,020,[1]", ",") {
			_, _ = fmt.Fprintf(&out, "%"+flags+string(c)+"\n", value)
		}
		_, _ = fmt.Fprintf(&out, "% "+string(c)+"\n%[1]*[2]"+string(c)+"\n%*.*"+string(c)+"\n", value, 9, value, 9, 9, value)
	}
	return out.String()
}

// printMistakes are formats that do not fit their arguments: fmt then prints the arguments in its own way.
func printMistakes(value, _ any) string {
	var out strings.Builder
	for _, format := range []string{"no verb", "%", "%!", "%*d", "%.*d", "%[3]v", "%[x]v", "%v %v", "%[1]", "%é", "%w", "%w %[1]w"} {
		_, _ = fmt.Fprintf(&out, format+"\n%v\n", value, value, fmt.Errorf(format, value))
	}
	return out.String()
}

func printPlain(value, _ any) string {
	wrapped := fmt.Errorf("%w", errors.Join(fmt.Errorf("v: %v", value), fmt.Errorf("+v: %+v", value)))
	return fmt.Sprint(value, value) + fmt.Sprintln(value) + string(fmt.Append(nil, value)) + wrapped.Error() + fmt.Sprintf("%#v", wrapped)
}

func printLog(value, _ any) string {
	var out bytes.Buffer
	l := log.New(&out, "", log.Lshortfile)
	l.Print(value)
	l.Println("value", value)
	l.Printf("%s %+v", value, value)
	return out.String()
}

func logWith(handler func(io.Writer) slog.Handler) sink {
	return func(value, _ any) string {
		var out bytes.Buffer
		l := slog.New(handler(&out))
		l.Info("any", "value", value, slog.Any("again", value))
		l.Info("group", slog.Group("g", "value", value, slog.Group("inner", slog.Any("value", value))))
		l.With("value", value).WithGroup("g").Warn("with", "value", []any{value})
		l.Error("error", "error", fmt.Errorf("wrapped: %v", value), slog.Any("struct", exported[any]{value}))
		l.Info("alone", value) //nolint:loggercheck // wrong on purpose: the handler then prints it in its own way
		l.Info(fmt.Sprint(value), slog.Any(fmt.Sprint(value), value))
		return out.String()
	}
}

func encodeWith(encode func(any) ([]byte, error)) sink {
	return func(value, _ any) string {
		out, err := encode(value)
		inField, fieldErr := encode(exported[any]{value})
		return fmt.Sprintf("%s\n%v\n%s\n%v", out, err, inField, fieldErr)
	}
}

func encodeGob(value any) ([]byte, error) {
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(value)
	return out.Bytes(), err
}

func renderText(value, _ any) string {
	page := template.Must(template.New("").Parse(
		`{{.}} {{printf "%v %s %q %x" . . . .}} {{print .}} {{html .}} {{js .}} {{urlquery .}} {{with $x := .}}{{println $x}}{{end}}`))
	var out strings.Builder
	err := page.Execute(&out, value)
	for _, part := range []string{`{{.Code}}`, `{{.code}}`, `{{range .}}{{.}}{{end}}`, `{{index . 0}}`, `{{.NoSuchField}}`, `{{len .}}`, `{{if eq . .}}{{end}}`} {
		err = errors.Join(err, template.Must(template.New("").Parse(part)).Execute(&out, value))
	}
	return fmt.Sprint(out.String(), err)
}

func renderHTML(value, _ any) string {
	var out strings.Builder
	var err error
	for _, part := range []string{
		`<p title="{{.}}" class={{.}}>{{.}}</p>`, `<a href="/x?q={{.}}#{{.}}">x</a>`, `<a href="{{.}}">x</a>`, `<p onclick="f({{.}}, '{{.}}')">x</p>`,
		`<p style="width: {{.}}">x</p>`, `<script>const x = {{.}}, y = "{{.}}";</script>`, `<style>p { color: {{.}} }</style>`,
		"<script>const x = `{{.}}`</script>", `<script type="application/json">{{.}}</script>`, `<textarea>{{.}}</textarea>`, `<!-- {{.}} -->`,
	} {
		err = errors.Join(err, htmltemplate.Must(htmltemplate.New("").Parse(part)).Execute(&out, value))
	}
	return fmt.Sprint(out.String(), err)
}

// recorder is a database that writes down what reaches it.
type recorder struct{ strings.Builder }

func (r *recorder) Connect(context.Context) (driver.Conn, error) { return r, nil }
func (r *recorder) Driver() driver.Driver                        { return nil }
func (r *recorder) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (r *recorder) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (r *recorder) Close() error                                 { return nil }

func (r *recorder) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	_, _ = fmt.Fprint(r, query, args)
	return driver.ResultNoRows, nil
}

func execute(value, _ any) string {
	var out recorder
	db := sql.OpenDB(&out)
	defer func() { _ = db.Close() }()
	_, err := db.ExecContext(context.Background(), "INSERT ?", value)
	_, named := db.ExecContext(context.Background(), "INSERT :x", sql.Named("x", value), sql.Out{Dest: value})
	_, null := db.ExecContext(context.Background(), "INSERT ?", sql.Null[any]{V: value, Valid: true})
	return fmt.Sprint(out.String(), err, named, null)
}

// failing is a test that fails into a buffer.
type failing struct{ strings.Builder }

func (f *failing) Errorf(format string, args ...any) { _, _ = fmt.Fprintf(f, format, args...) }

// compare lets the assertions fail that print what they were given.
//
//nolint:testifylint // each is to fail, and the next to go on
func compare(value, other any) string {
	var f failing
	assert.Equal(&f, value, other, "message %v", value)
	assert.Equal(&f, "text", value, value)
	assert.EqualValues(&f, value, other)
	assert.Exactly(&f, value, other)
	assert.Nil(&f, value)
	assert.Empty(&f, value)
	assert.Zero(&f, value)
	assert.Len(&f, value, 99)
	assert.Contains(&f, value, other)
	assert.NotContains(&f, []any{value}, value)
	assert.ElementsMatch(&f, []any{value}, []any{other})
	assert.Same(&f, value, other)
	assert.IsType(&f, f, value)
	assert.Panics(&f, func() { _ = value })
	assert.NotPanics(&f, func() { panic(value) })
	if err, ok := value.(error); ok {
		assert.NoError(&f, err)
		assert.EqualError(&f, err, "other")
		assert.ErrorIs(&f, err, errors.ErrUnsupported)
		assert.ErrorAs(&f, err, new(*json.SyntaxError))
	}
	return f.String()
}
