package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
)

// openSeeded is a server with some Macs in its inventory, of which one cannot be locked, and groups of them: top has 0 and 1, below it low
// has 2; the user group has 3, by its user.
func openSeeded(t *testing.T, macs int) *site {
	t.Helper()
	s := open(t, nil)
	d := s.open(t)
	inventorytest.Seed(t, d, macs)
	for _, statement := range []string{
		`UPDATE server_facts SET value = '11.4' WHERE device = '` + inventorytest.ID(4) + `' AND name = 'OSVersion'`,
		`UPDATE server_devices SET user_name = 'ada' WHERE id = '` + inventorytest.ID(3) + `'`,
		`INSERT INTO server_groups (id, kind, name, parent) VALUES ('top', 'devices', 'Top', ''), ('low', 'devices', 'Low', 'top'), ('users', 'users', 'Users', '')`,
		`INSERT INTO server_group_members (grp, member) VALUES ('top', '` + inventorytest.ID(0) + `'), ('top', '` + inventorytest.ID(1) + `'),
			('low', '` + inventorytest.ID(2) + `'), ('users', 'ada')`,
	} {
		execute(t, d, statement)
	}
	return s
}

func execute(t *testing.T, d *db.DB, statement string) {
	t.Helper()
	_, err := d.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// ordered orders in bulk, waits until every order is made, and returns how that stands.
func (s *site) ordered(t *testing.T, order object, header ...string) object {
	t.Helper()
	id := s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/bulk", order, header...).text("id")
	var now object
	within(t, func() bool {
		now = s.must(t, http.StatusOK, http.MethodGet, "/api/v1/bulk/"+id, nil)
		return now.text("state") == "done"
	})
	return now
}

func TestBulkSelectsByGroups(t *testing.T) {
	s := openSeeded(t, 6)
	for name, c := range map[string]struct {
		order object
		want  []int
	}{
		"group":         {object{"groups": []object{{"id": "top"}}}, []int{0, 1}},
		"and subgroups": {object{"groups": []object{{"id": "top", "include_subgroups": true}}}, []int{0, 1, 2}},
		"user group":    {object{"user_groups": []string{"users"}}, []int{3}},
		"all together":  {object{"devices": []string{inventorytest.ID(5), inventorytest.ID(0)}, "groups": []object{{"id": "low"}}}, []int{0, 2, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			c.order["reason"] = "break-in"
			var want, got []string
			for _, n := range c.want {
				want = append(want, inventorytest.ID(n))
			}
			for _, item := range s.ordered(t, c.order).list("items") {
				got = append(got, item.text("device_id"))
				assert.Equal(t, "ordered", item.text("outcome"))
				assert.NotEmpty(t, item.text("action_id"))
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestBulkOverTheAPI(t *testing.T) {
	s := openSeeded(t, 6)
	order := object{"kind": "lock", "devices": []string{inventorytest.ID(5), inventorytest.ID(4), "NOBODY"}, "reason": "break-in", "ticket": "INC-1"}
	check := s.must(t, http.StatusOK, http.MethodPost, "/api/v1/bulk?dry_run=true", order)
	assert.Equal(t, "3 1 2", fmt.Sprint(check["total"], check["ready"], check["blocked"]))
	assert.Equal(t, map[string]any{"apple_silicon_before_11_5": 1.0, "unknown": 1.0}, check["codes"])
	assert.Equal(t, map[string]any{"apple": 1.0}, check["platforms"])
	require.Len(t, check.list("findings"), 1)
	assert.Equal(t, "restarts 1", fmt.Sprint(check.list("findings")[0]["code"], " ", check.list("findings")[0]["devices"]))
	assert.Empty(t, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/bulk", nil).list("items"), "nothing was ordered")

	now := s.ordered(t, order, "Idempotency-Key", "k")
	assert.Equal(t, "3 1 1 0 1", fmt.Sprint(now["total"], now["ordered"], now["blocked"], now["confirmed"], now["failed"]))
	assert.Equal(t, []string{"admin", "break-in", "INC-1", "rotate"},
		[]string{now.text("requested_by"), now.text("reason"), now.text("ticket"), now.text("pin_mode")})
	path := "/api/v1/bulk/" + now.text("id")
	again := s.must(t, http.StatusOK, http.MethodPost, "/api/v1/bulk", order, "Idempotency-Key", "k")
	assert.Equal(t, now.text("id"), again.text("id"))
	order["ticket"] = "INC-2"
	other := s.must(t, http.StatusConflict, http.MethodPost, "/api/v1/bulk", order, "Idempotency-Key", "k")
	assert.Equal(t, "key_reused", other.text("code"))
	blocked := s.must(t, http.StatusOK, http.MethodGet, path+"?outcome=blocked", nil).list("items")
	require.Len(t, blocked, 1)
	assert.Equal(t, "apple_silicon_before_11_5", blocked[0].text("code"))
	page := s.must(t, http.StatusOK, http.MethodGet, path+"?limit=1", nil)
	rest := s.must(t, http.StatusOK, http.MethodGet, path+"?cursor="+page.text("next_cursor"), nil).list("items")
	assert.Len(t, rest, 2)
	listed := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/bulk", nil).list("items")
	require.Len(t, listed, 1)
	assert.Equal(t, "done", listed[0].text("state"))
	for _, format := range []string{"csv", "jsonl"} {
		text := s.download(t, path+"/export?format="+format)
		assert.Contains(t, text, "apple_silicon_before_11_5")
		assert.NotContains(t, text, s.reveal(t, s.actionOf(t, path)))
	}
	cancelled := s.must(t, http.StatusOK, http.MethodPost, path+"/cancel", object{"reason": "false alarm"})
	outcomes, _ := cancelled["outcomes"].(map[string]any)
	assert.Equal(t, map[string]any{"blocked": 1.0, "unknown": 1.0, "withdrawn": 1.0}, outcomes)
}

// A dry run says how many have a lock already, and names the fields as the API does.
func TestBulkDryRunBesideLocks(t *testing.T) {
	s := openSeeded(t, 3)
	own := object{"mode": "supplied", "value": "739184"}
	s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+inventorytest.ID(1)+"/lock", object{"reason": "x"})
	order := object{"devices": []string{inventorytest.ID(0), inventorytest.ID(1), inventorytest.ID(2)}}
	check := s.must(t, http.StatusOK, http.MethodPost, "/api/v1/bulk?dry_run=true", order)
	assert.Equal(t, "3 3 1 0", fmt.Sprint(check["total"], check["ready"], check["joined"], check["blocked"]))
	assert.Equal(t, map[string]any{"apple": 2.0}, check["platforms"])
	order["pin"] = own
	check = s.must(t, http.StatusOK, http.MethodPost, "/api/v1/bulk?dry_run=true", order)
	assert.Equal(t, "2 0 1", fmt.Sprint(check["ready"], check["joined"], check["blocked"]))
	assert.Equal(t, map[string]any{"busy": 1.0}, check["codes"])
	assert.Equal(t, []string{"busy", "apple"}, []string{check.list("items")[0].text("outcome"), check.list("items")[0].text("platform")})
	fields := map[string]string{}
	for _, f := range check.list("findings") {
		fields[f.text("code")] = f.text("field")
	}
	assert.Equal(t, map[string]string{"restarts": "", "pin_shared": "pin.value"}, fields)
}

// actionOf is the action of the first device of a bulk order that has one.
func (s *site) actionOf(t *testing.T, path string) string {
	t.Helper()
	return s.must(t, http.StatusOK, http.MethodGet, path+"?outcome=ordered", nil).list("items")[0].text("action_id")
}

func (s *site) download(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(text)
}

func TestBulkRefuses(t *testing.T) {
	s := openSeeded(t, 1)
	for name, c := range map[string]struct {
		order  object
		status int
		field  string
	}{
		"other kind":    {object{"kind": "unlock", "devices": []string{inventorytest.ID(0)}}, http.StatusUnprocessableEntity, "kind"},
		"no device":     {object{}, http.StatusUnprocessableEntity, "devices"},
		"unknown group": {object{"groups": []object{{"id": "none"}}}, http.StatusUnprocessableEntity, "groups"},
		"number as PIN": {object{"devices": []string{inventorytest.ID(0)}, "pin": object{"mode": "supplied", "value": 739184}}, http.StatusUnprocessableEntity, "pin.value"},
		"unknown field": {object{"device": []string{inventorytest.ID(0)}}, http.StatusUnprocessableEntity, "device"},
		"too large":     {object{"devices": []string{strings.Repeat("x", 9<<20)}}, http.StatusRequestEntityTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.field, s.must(t, c.status, http.MethodPost, "/api/v1/bulk", c.order).text("field"))
		})
	}
	for _, path := range []string{"/cancel", "/approve", "/reject"} {
		s.must(t, http.StatusNotFound, http.MethodPost, "/api/v1/bulk/nothing"+path, nil)
	}
	assert.Empty(t, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/bulk", nil).list("items"))
}
