package main

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// command runs a command beside the server.
func (s *site) command(t *testing.T, words ...string) said {
	t.Helper()
	var out, stderr bytes.Buffer
	code := exit(run(t.Context(), append([]string{words[0], "-data", s.data()}, words[1:]...), s.env, &out, &stderr), &stderr)
	return said{out.String(), stderr.String(), code}
}

func (s *site) commanded(t *testing.T, words ...string) string {
	t.Helper()
	said := s.command(t, words...)
	require.Zero(t, said.code, said.err)
	return strings.TrimSpace(said.out)
}

// An operator lets a second person in, for one group; she signs in, sees her Macs alone, and is out when her account is gone.
func TestAccountCommands(t *testing.T) {
	s := open(t, nil)
	ours, theirs := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	office := s.must(t, http.StatusCreated, http.MethodPost, "/api/v1/groups", object{"name": "Office"}).text("id")
	london := s.must(t, http.StatusCreated, http.MethodPost, "/api/v1/groups", object{"name": "London", "parent_id": office}).text("id")
	s.must(t, http.StatusNoContent, http.MethodPut, "/api/v1/groups/"+london+"/devices/"+ours.Config().UDID, nil)

	made := s.commanded(t, "account", "create", "-name", "ada", "-rights", "view,lock,reveal", "-groups", "Office")
	_, password, ok := strings.Cut(made, "Password: ")
	require.True(t, ok, made)
	password, _, _ = strings.Cut(password, " ")
	ada := &browser{T: t}
	status, _ := ada.ask(s, "/signin", url.Values{"name": {"ada"}, "password": {password}})
	require.Equal(t, http.StatusSeeOther, status)
	status, page := ada.ask(s, "/", nil)
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, ours.Config().Serial)
	assert.NotContains(t, page, theirs.Config().Serial)
	listed := s.commanded(t, "account", "list")
	assert.Regexp(t, `ada +yes +Office +\d{4}-\d\d-\d\d +none +view,lock,reveal`, listed)

	s.commanded(t, "account", "rights", "-name", "ada", "-groups", "all")
	_, page = ada.ask(s, "/", nil)
	assert.Contains(t, page, theirs.Config().Serial)
	s.commanded(t, "account", "remove", "-name", "ada")
	status, _ = ada.ask(s, "/", nil)
	assert.Equal(t, http.StatusSeeOther, status, "she is out")
	again := s.command(t, "account", "create", "-name", "ada")
	assert.Equal(t, exitUsage, again.code, "nobody else gets her name")
	assert.Contains(t, again.err, "latchkey: -name: must not be that of an account that was removed")

	sequence(t, s.open(t).Ledger)
	events := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events?type=account,group", nil).list("items")
	var kinds []string
	for _, e := range events {
		facts, _ := e["facts"].(map[string]any)
		kinds = append(kinds, object(facts).text("kind"))
	}
	assert.Equal(t, []string{
		"token-created", "created", "created", "member-added", "created", "rights", "removed",
	}, kinds, "each change is on record")
}

// A new password ends the sessions of the old one, and nothing else of the account.
func TestAccountPassword(t *testing.T) {
	s := open(t, nil)
	made := func(words ...string) string {
		_, password, ok := strings.Cut(s.commanded(t, words...), "Password: ")
		require.True(t, ok)
		password, _, _ = strings.Cut(password, " ")
		return password
	}
	signIn := func(b *browser, password string) int {
		status, _ := b.ask(s, "/signin", url.Values{"name": {"ada"}, "password": {password}})
		return status
	}
	old := made("account", "create", "-name", "ada")
	token := s.commanded(t, "token", "create", "-actor", "ada")
	ada := &browser{T: t}
	require.Equal(t, http.StatusSeeOther, signIn(ada, old))
	status, _ := ada.ask(s, "/", nil)
	require.Equal(t, http.StatusOK, status)

	password := made("account", "password", "-name", "ada")
	status, _ = ada.ask(s, "/", nil)
	assert.Equal(t, http.StatusSeeOther, status, "she is out")
	assert.Equal(t, http.StatusUnauthorized, signIn(ada, old))
	assert.Equal(t, http.StatusSeeOther, signIn(ada, password))
	status, _ = ada.ask(s, "/", nil)
	assert.Equal(t, http.StatusOK, status)
	s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices", nil, "Authorization", "Bearer "+token)
}

func TestTokenCommands(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	token := s.commanded(t, "token", "create", "-actor", "robot", "-rights", "view,lock")
	bearer := []string{"Authorization", "Bearer " + token}
	id := s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock", object{"reason": "x"}, bearer...).text("id")
	s.must(t, http.StatusForbidden, http.MethodPost, "/api/v1/actions/"+id+"/reveal", object{"reason": "x"}, bearer...)
	assert.Equal(t, "robot", s.action(t, id).text("requested_by"))

	second := s.command(t, "token", "create", "-actor", "robot", "-rights", "view")
	assert.Equal(t, exitUsage, second.code, "rights are the account's")
	lines := strings.Split(s.commanded(t, "token", "list"), "\n")
	assert.NotContains(t, strings.Join(lines, "\n"), token)
	tokenID := ""
	for _, line := range lines {
		if fields := strings.Fields(line); fields[1] == "robot" {
			tokenID = fields[0]
		}
	}
	s.commanded(t, "token", "revoke", tokenID)
	s.must(t, http.StatusUnauthorized, http.MethodGet, "/api/v1/devices", nil, bearer...)
}

func TestAccountCommandsNameTheFlag(t *testing.T) {
	s := open(t, nil)
	for words, names := range map[string]string{
		"account create":                             "-name",
		"account create -name admin":                 "-name",
		"account create -name device":                "-name",
		"account create -name x -rights fly":         "-rights",
		"account create -name x -groups none/such":   "-groups",
		"account rights -name nobody -rights view":   "-name",
		"account rights -name admin -rights view":    "-name",
		"account rights -name x":                     "-rights and -groups",
		"account remove -name admin":                 "-name",
		"account password":                           "-name",
		"account password -name nobody":              "-name",
		"account create -name x -groups=":            "-groups",
		"account create -name x -rights=":            "-rights",
		"account rights -name x -groups= -rights=x":  "-groups",
		"account rights -name x -rights= -groups=x":  "-rights",
		"token create -actor x -rights=":             "-rights",
		"token create -actor x -rights=all -groups=": "-groups",
		"account promote -name x":                    "account",
		"token create -actor new":                    "-rights",
		"token create -actor a/b -rights view":       "-actor",
		"token revoke abc":                           "token revoke",
		"token revoke":                               "token revoke",
		"account create -name x extra words behind":  "account create",
	} {
		said := s.command(t, strings.Fields(words)...)
		assert.Equal(t, exitUsage, said.code, words)
		assert.True(t, strings.HasPrefix(said.err, "latchkey: "+names+": "), "%s: %s", words, said.err)
	}
	events := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events?type="+string(lock.EventAccount), nil).list("items")
	assert.Len(t, events, 1, "the token of the administrator, and nothing else")
}
