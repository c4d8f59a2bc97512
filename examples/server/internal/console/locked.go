package console

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
)

const locksPerPage = 100

// choice is one of a select.
type choice struct{ Name, Text string }

type lockedSelects struct{ States, PINs, Ages, Sorts []choice }

// lockedChoices are the selects of the report.
var lockedChoices = lockedSelects{
	[]choice{
		{"", "In any state"}, {"confirmed", "Locked"}, {"issued", "Sent, no answer"}, {"queued", "Will lock when online"},
		{"held", "Waits for a second person"},
	},
	[]choice{{"", "Any PIN"}, {"revealed", "PIN was revealed"}, {"unseen", "PIN not revealed"}, {"gone", "PIN purged"}},
	[]choice{
		{"", "Since any time"}, {"1h", "For an hour or more"}, {"24h", "For a day or more"}, {"168h", "For a week or more"},
		{"720h", "For 30 days or more"},
	},
	[]choice{
		{"newest", "Newest first"}, {"oldest", "Oldest first"}, {"name", "By device"}, {"user", "By user"}, {"unseen", "Longest unseen first"},
		{"reveals", "Most revealed first"},
	},
}

// lockedQuery is which locks were asked for, as the page has it.
type lockedQuery struct{ Search, State, PIN, Age, Sort string }

func (q lockedQuery) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"q": q.Search, "state": q.State, "pin": q.PIN, "age": q.Age, "sort": q.Sort} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// Some reports whether it does not select everything.
func (q lockedQuery) Some() bool { q.Sort = ""; return q != lockedQuery{} }

// CSV is where what it selects is to be had.
func (q lockedQuery) CSV() string {
	q.Sort = ""
	return "/locked/csv?" + q.values().Encode()
}

type lockedData struct {
	Choices lockedSelects
	Asked   lockedQuery
	Page    locked.Page
	Next    string // address of the next page; empty: there is none
	Fresh   bool   // few enough to be read again while somebody looks
}

// lockedPage reports what is locked now.
func (c *console) lockedPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	asked, query, err := c.lockedQuery(r)
	if err != nil {
		return err
	}
	query.After, query.Limit = r.FormValue("after"), locksPerPage
	data := lockedData{Choices: lockedChoices, Asked: asked}
	if data.Page, err = c.Locked.Page(r.Context(), a, query); err != nil {
		return err
	}
	data.Fresh = data.Page.Totals.All() <= 1000
	if data.Page.Next != "" {
		values := asked.values()
		values.Set("after", data.Page.Next)
		data.Next = "/locked?" + values.Encode()
	}
	return c.render(w, r, http.StatusOK, "locked", "Locked now", data)
}

func (c *console) lockedQuery(r *http.Request) (asked lockedQuery, query locked.Query, err error) {
	field := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	asked = lockedQuery{Search: field("q"), State: field("state"), PIN: field("pin"), Age: field("age"), Sort: field("sort")}
	for _, of := range []struct {
		field, value string
		choices      []choice
	}{
		{"state", asked.State, lockedChoices.States}, {"pin", asked.PIN, lockedChoices.PINs}, {"age", asked.Age, lockedChoices.Ages},
		{"sort", asked.Sort, lockedChoices.Sorts},
	} {
		if of.value != "" && !slices.ContainsFunc(of.choices, func(c choice) bool { return c.Name == of.value }) {
			return asked, query, &choiceError{of.field, names(of.choices, func(c choice) string { return c.Name })}
		}
	}
	query = locked.Query{State: lock.State(asked.State), Search: asked.Search, Sort: locked.Sort(asked.Sort), Now: c.Now()}
	if asked.Age != "" {
		query.Age, err = time.ParseDuration(asked.Age)
	}
	yes, no := true, false
	switch asked.PIN {
	case "revealed":
		query.Revealed = &yes
	case "unseen":
		query.Revealed = &no
	case "gone":
		query.PINHeld = &no
	}
	return asked, query, err
}

// exportLocked gives the whole of what the report selects as CSV, without a PIN.
func (c *console) exportLocked(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	_, query, err := c.lockedQuery(r)
	if err != nil {
		return err
	}
	return c.Audit.Download(r.Context(), w, locked.ContentType, "latchkey-locked.csv", func(ctx context.Context, out io.Writer) error {
		return c.Locked.WriteCSV(ctx, a, query, c.Now(), out)
	})
}

// selection is a select with its label.
type selection struct {
	Label, Name, Asked string
	Choices            []choice
}

func selectOf(label, name, asked string, choices []choice) selection {
	return selection{label, name, asked, choices}
}

// times says how often.
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return thousands(int64(n)) + " times"
	}
}

// wakeWords say how waking a device went.
func wakeWords(outcome string) string {
	switch outcome {
	case "":
		return ""
	case "sent":
		return "woken"
	default:
		return "wake-up: " + strings.NewReplacer("_", " ", "-", " ").Replace(outcome)
	}
}
