package console

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// maxImportForm is the size of a form with a file: a text in it may take three times its size.
const maxImportForm = 3*group.MaxCSV + maxForm

// importData is the page on which members are imported.
type importData struct {
	groupKind
	Text    string        // the file, to be imported as it was previewed
	Preview *group.Import // nil: nothing was given yet
	Bad     *group.FileError
	Fault   string
}

// Sample is a file that shows how one looks.
func (d importData) Sample() string {
	if d.Kind == group.Users {
		return "group,user\nLeadership,Ada Lovelace\nLeadership,Grace Hopper"
	}
	return "group,device\nOffice/London,C02XK1JHJG5H\nOffice/Berlin,F7QXLL2KQ4"
}

func (c *console) importPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	if err := c.Service.Allow(r.Context(), a, group.VerbEdit, lock.Target{Device: lock.Device{Scope: c.Scope}}); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "groupimport", "Import members", importData{groupKind: k})
}

// importFile previews a file, and imports it when the preview was confirmed.
func (c *console) importFile(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	data := importData{groupKind: k}
	if data.Text, err = csvOf(r); err != nil {
		return err
	}
	apply := r.PostFormValue("apply") != ""
	rows, err := group.ParseCSV(k.Kind, []byte(data.Text))
	var done group.Import
	if err == nil {
		done, err = c.Groups.Import(r.Context(), a, k.Kind, rows, apply)
	}
	input := (*lock.InputError)(nil)
	switch {
	case errors.As(err, &data.Bad):
		return c.render(w, r, http.StatusUnprocessableEntity, "groupimport", "Import members", data)
	case errors.As(err, &input):
		data.Fault = sentence("The file " + input.Rule)
		return c.render(w, r, http.StatusUnprocessableEntity, "groupimport", "Import members", data)
	case err != nil:
		return err
	case !apply:
		data.Preview = &done
		return c.render(w, r, http.StatusOK, "groupimport", "Import members", data)
	}
	c.say(r.Context(), "Imported: "+count(done.Members(), "member")+" added, "+count(len(done.Created), "group")+" made.")
	http.Redirect(w, r, "/groups", http.StatusSeeOther)
	return nil
}

// csvOf is the file of a form, or the text.
func csvOf(r *http.Request) (string, error) {
	if r.MultipartForm == nil || len(r.MultipartForm.File["file"]) == 0 || r.MultipartForm.File["file"][0].Size == 0 {
		return strings.ReplaceAll(r.PostFormValue("csv"), "\r\n", "\n"), nil
	}
	f, err := r.MultipartForm.File["file"][0].Open()
	if err != nil {
		return "", &lock.InputError{Field: "file", Rule: "could not be read", Err: err}
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, group.MaxCSV+1))
	return string(text), err
}

func count(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return strconv.Itoa(n) + " " + of
}
