package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
)

// maxBody is the largest request body, but for a bulk order and a file with groups.
const maxBody = 64 << 10

func bodyLimit(r *http.Request) int64 {
	if r.URL.Path == "/api/v1/bulk" {
		return maxBulkBody
	}
	if strings.HasSuffix(r.URL.Path, "/import") {
		return group.MaxCSV
	}
	return maxBody
}

// list is every answer with many items.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"` // empty: there is no more
}

func write(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone
}

// read decodes the body into v, a pointer to a struct. No error repeats anything of the body.
func read(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "content_type", "the content type must be application/json")
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return textual(reflect.ValueOf(v).Elem(), "")
		}
		if err == nil {
			err = errors.New("more than one value")
		}
	}
	return unreadable(err, d.InputOffset())
}

// textual refuses a text that no ledger can keep. The decoder leaves but one: NUL.
func textual(v reflect.Value, field string) error {
	switch v.Kind() {
	case reflect.String:
		if !db.IsText(v.String()) {
			return invalid(field, "must not contain NUL")
		}
	case reflect.Pointer:
		return textual(v.Elem(), field) // of nil it is the zero Value, which is of no kind
	case reflect.Slice:
		for i := range v.Len() {
			if err := textual(v.Index(i), field); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for f, value := range v.Fields() {
			if err := textual(value, strings.TrimPrefix(field+"."+f.Tag.Get("json"), ".")); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainName is a field's name that may be repeated: no secret looks like it.
var plainName = regexp.MustCompile(`unknown field "([a-z_]{1,32})"`)

// unreadable says what is wrong with a body.
func unreadable(err error, offset int64) error {
	var own *problem
	var size *http.MaxBytesError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &size):
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than "+strconv.FormatInt(size.Limit>>10, 10)+" KiB")
	case errors.As(err, &kind):
		field := strings.TrimPrefix(kind.Field, "why.") // the struct that all orders embed
		return invalid(field, "must be "+article(kind.Type.Kind()))
	case strings.Contains(err.Error(), "unknown field"):
		if name := plainName.FindStringSubmatch(err.Error()); name != nil {
			return invalid(name[1], "is not a field of this request: see /openapi.json")
		}
		return refuse(http.StatusUnprocessableEntity, "invalid", "the body has a field that is not known here: see /openapi.json")
	default:
		return refuse(http.StatusBadRequest, "malformed", "the body is not one JSON object; the fault is near byte "+strconv.FormatInt(offset, 10))
	}
}

func article(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// params are the query of a request, in which every name must be known: a misspelt dry_run would lock.
func params(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed", "the query is malformed")
	}
	for name, values := range q {
		if !slices.Contains(known, name) || len(values) != 1 {
			return nil, refuse(http.StatusUnprocessableEntity, "invalid", "the query may have each of these once: "+strings.Join(known, ", "))
		}
	}
	return q, nil
}

// limit reads the page size, 100 when it is not given.
func limit(q url.Values) (int, error) {
	text := q.Get("limit")
	if text == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return 0, invalid("limit", "must be 1 to 1000")
	}
	return n, nil
}

// flag reads a parameter that is true or false, the latter when it is not given.
func flag(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "":
		if q.Has(name) {
			break
		}
		return false, nil
	case "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, invalid(name, "must be true or false")
}

// dryRun reads the query of a request that may be a dry run, and may ask for nothing else.
func dryRun(r *http.Request) (bool, error) {
	q, err := params(r, "dry_run")
	if err != nil {
		return false, err
	}
	return flag(q, "dry_run")
}

// when is a time as JSON has it: RFC 3339 in UTC, absent when it is zero.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
