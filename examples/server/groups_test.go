package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Groups are made, filled, moved and deleted through the API.
func TestGroupsThroughTheAPI(t *testing.T) {
	s := &scoped{server: wired(t, "http://127.0.0.1:1")}
	s.visitor = visit(t, s.server)
	s.mac(t, "mac-1", "SERIAL1", "One", "Ada Lovelace")
	call := func(status int, method, path, kind, body string) object {
		t.Helper()
		res := s.send(method, path, kind, body)
		require.Equal(t, status, res.Code, res.Body.String())
		var answer object
		if res.Body.Len() > 0 {
			require.NoError(t, json.Unmarshal(res.Body.Bytes(), &answer))
		}
		return answer
	}
	const csv, js = "text/csv", "application/json"
	const file = "group,device\nOffice/London,SERIAL1\n"
	dry := call(http.StatusOK, http.MethodPost, "/api/v1/groups/import?dry_run=true", csv, file)
	assert.Equal(t, []any{"Office", "Office/London"}, dry["created"])
	assert.Empty(t, call(http.StatusOK, http.MethodGet, "/api/v1/groups", "", "").list("items"))
	assert.Equal(t, true, call(http.StatusOK, http.MethodPost, "/api/v1/groups/import", csv, file)["applied"])
	bad := call(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/groups/import", csv, "group,device\nOffice,SECRET-TYPO")
	assert.Equal(t, "invalid_file", bad.text("code"))
	assert.InEpsilon(t, 2, bad.list("lines")[0]["line"], 0)
	assert.NotContains(t, bad.text("detail"), "SECRET-TYPO")
	call(http.StatusUnsupportedMediaType, http.MethodPost, "/api/v1/groups/import", js, `{}`)

	groups := call(http.StatusOK, http.MethodGet, "/api/v1/groups", "", "").list("items")
	require.Len(t, groups, 2)
	office, london := "/api/v1/groups/"+groups[0].text("id"), "/api/v1/groups/"+groups[1].text("id")
	assert.Equal(t, "Office/London", groups[1].text("path"))
	members := call(http.StatusOK, http.MethodGet, london+"/devices", "", "").list("items")
	assert.Equal(t, "SERIAL1", members[0].text("serial_number"))
	assert.Equal(t, "in_use", call(http.StatusConflict, http.MethodDelete, office, "", "").text("code"))
	assert.Equal(t, "London", call(http.StatusOK, http.MethodPatch, london, js, `{"parent_id": ""}`).text("path"))
	assert.Equal(t, "taken", call(http.StatusConflict, http.MethodPost, "/api/v1/groups", js, `{"name": "london"}`).text("code"))
	assert.Equal(t, "name", call(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/groups", js, `{}`).text("field"))
	call(http.StatusNoContent, http.MethodDelete, office, "", "")
	call(http.StatusNoContent, http.MethodDelete, london+"/devices/mac-1", "", "")
	call(http.StatusNotFound, http.MethodDelete, london+"/devices/mac-1", "", "")

	people := "/api/v1/user-groups/" + call(http.StatusCreated, http.MethodPost, "/api/v1/user-groups", js, `{"name": "People"}`).text("id")
	call(http.StatusNoContent, http.MethodPut, people+"/users/Ada%20Lovelace", "", "")
	members = call(http.StatusOK, http.MethodGet, people+"/users", "", "").list("items")
	assert.Equal(t, []object{{"user": "Ada Lovelace", "devices": 1.0}}, members)
}
