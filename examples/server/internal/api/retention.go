package api

import (
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// maxPurgeItems is how many actions the answer to a purge has at most.
const maxPurgeItems = 1000

// purgeRequest asks for a purge, or for a dry run of one.
type purgeRequest struct {
	OlderThanDays int      `json:"older_than_days"`
	Reason        string   `json:"reason"`
	Devices       []string `json:"devices"` // IDs; left out: all
	Apply         bool     `json:"apply"`
}

// purgeReport is what came of it, or would.
type purgeReport struct {
	Applied bool           `json:"applied"`
	Before  time.Time      `json:"before"`
	Counts  map[string]int `json:"counts"`
	Items   []purgeItem    `json:"items"` // the first 1,000; what is purged comes first
}

type purgeItem struct {
	ActionID     lock.ID    `json:"action_id"`
	DeviceID     string     `json:"device_id"`
	SerialNumber string     `json:"serial_number"`
	DeviceName   string     `json:"device_name"`
	State        lock.State `json:"state"`
	ChangedAt    *time.Time `json:"changed_at"`
	Code         string     `json:"code"`
	Text         string     `json:"text"`
}

// purge takes old PINs, or says which it would take.
func (a *api) purge(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body purgeRequest
	if err := read(r, &body); err != nil {
		return err
	}
	if body.OlderThanDays < 1 || body.OlderThanDays > 36500 {
		return invalid("older_than_days", "must be 1 to 36500")
	}
	if body.Devices != nil && len(body.Devices) == 0 {
		return invalid("devices", "must name a device, or be left out for all of them")
	}
	order := lock.Purge{
		Scope: a.Scope, Devices: body.Devices, Before: a.Now().UTC().AddDate(0, 0, -body.OlderThanDays), Reason: body.Reason, Apply: body.Apply,
	}
	answer := audit.TakeTime(w)
	groups, err := retention.Purge(r.Context(), a.Service, actor, order, maxPurgeItems)
	answer()
	if err != nil {
		return err
	}
	report := purgeReport{Applied: body.Apply, Before: order.Before, Counts: map[string]int{}, Items: purgeItems(groups, maxPurgeItems)}
	for _, g := range groups {
		report.Counts[g.Code] = g.Count
	}
	write(w, http.StatusOK, report)
	return nil
}

// purgeItems are the first of what is in the groups.
func purgeItems(groups []retention.Group, limit int) []purgeItem {
	items := []purgeItem{}
	for _, g := range groups {
		for _, a := range g.Items[:min(len(g.Items), limit-len(items))] {
			items = append(items, purgeItem{
				ActionID: a.ID, DeviceID: a.Device.ID, SerialNumber: a.Device.Serial, DeviceName: a.Device.Name, State: a.State,
				ChangedAt: when(a.Changed), Code: g.Code, Text: g.Text,
			})
		}
	}
	return items
}
