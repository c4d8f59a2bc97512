package main

import (
	"maps"
	"net/url"
	"strings"
)

// form is the body of a web form; fields come in pairs.
func form(fields ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values.Encode()
}

const because = `{"reason": "curious"}`

// apiTries are the ways at what is theirs through the API.
func (s *scoped) apiTries() map[string][]attempt {
	tries := map[string][]attempt{
		"GET /api/v1/devices": {
			{status: listed}, {with: "?search=Vault", status: listed}, {with: "?search=" + theirMac, status: listed},
			{with: "?cursor=" + theirMac, status: listed},
		},
		"GET /api/v1/devices/{id}":         {{own: true}},
		"DELETE /api/v1/devices/{id}":      {{}},
		"GET /api/v1/devices/{id}/hold":    {{own: true}},
		"PUT /api/v1/devices/{id}/hold":    {{with: because}},
		"DELETE /api/v1/devices/{id}/hold": {{with: because}},
		"GET /api/v1/holds":                {{status: listed}},
		"GET /api/v1/devices/{id}/pins":    {{own: true}},
		"GET /api/v1/pins":                 {{with: "?serial_number=SERIAL-THEIRS", status: listed}},
		"POST /api/v1/purge": {
			{with: `{"older_than_days": 1, "reason": "x", "apply": true}`},
			{with: `{"older_than_days": 1, "reason": "x", "devices": ["` + theirMac + `"]}`},
		},
		"POST /api/v1/devices/{id}/lock": {
			{with: because, own: true}, {with: `{"reason": "x", "pin": {"mode": "supplied", "value": "204816"}}`},
			{path: "/api/v1/devices/" + theirMac + "/lock?dry_run=true", with: because},
		},
		"GET /api/v1/actions": {
			{status: listed}, {with: "?device_id=" + theirMac, status: listed}, {with: "?state=held", status: listed}, {with: "?live=true", status: listed},
		},
		"GET /api/v1/actions/{id}":              {{own: true}, {action: s.held.ID}},
		"POST /api/v1/actions/{id}/cancel":      {{with: because}, {with: because, action: s.held.ID}},
		"POST /api/v1/actions/{id}/reveal":      {{with: because, own: true}, {with: because, action: s.held.ID}},
		"POST /api/v1/actions/{id}/feedback":    {{with: `{"outcome": "wrong_pin"}`}},
		"POST /api/v1/actions/{id}/approve":     {{with: because, action: s.held.ID}},
		"POST /api/v1/actions/{id}/reject":      {{with: because, action: s.held.ID}},
		"POST /api/v1/actions/{id}/break-glass": {{with: because, action: s.held.ID}},
		"GET /api/v1/approvals":                 {{status: listed}},
		"GET /api/v1/reviews":                   {{status: listed}},
		"POST /api/v1/reviews/{event}":          {{with: because}},
		"GET /api/v1/locked":                    {{status: listed}, {with: "?format=csv", status: listed}, {with: "?search=Vault", status: listed}},
		"POST /api/v1/enrollments":              {{}, {with: `{"device_id": "` + theirMac + `"}`}},
		"GET /api/v1/audit/checkpoint":          {{status: either}},
		"GET /api/v1/audit/key":                 {{status: listed}},
		"GET /api/v1/audit/proof":               {{with: "?position=0", status: either}, {with: "?from=1", status: either}},
		"GET /api/v1/audit/export":              {{}},
		"GET /api/v1/events":                    s.eventTries(),
		"GET /api/v1/bulk":                      {{status: listed}},
		"GET /api/v1/bulk/{id}":                 {{}},
		"GET /api/v1/bulk/{id}/export":          {{with: "?format=csv"}, {with: "?format=jsonl"}},
		"POST /api/v1/bulk/{id}/cancel":         {{with: because}},
		"POST /api/v1/bulk/{id}/approve":        {{with: because}},
		"POST /api/v1/bulk/{id}/reject":         {{with: because}},
		"POST /api/v1/bulk": {
			{with: `{"reason": "x", "devices": ["` + theirMac + `"]}`, status: refused},
			{with: `{"reason": "x", "groups": [{"id": "` + s.group + `", "include_subgroups": true}]}`, status: refused},
			{with: `{"reason": "x", "groups": [{"id": "` + s.group + `"}]}`, status: refused},
			{with: `{"reason": "x", "user_groups": ["` + s.userGroup + `"]}`, status: refused},
		},
	}
	maps.Copy(tries, s.groupTries())
	maps.Copy(tries, s.passcodeTries())
	return tries
}

// passcodeTries are those through what is ordered for devices that are no Macs.
func (s *scoped) passcodeTries() map[string][]attempt {
	dry := func(verb string) attempt {
		return attempt{path: "/api/v1/devices/" + theirMac + "/" + verb + "?dry_run=true", with: because}
	}
	const path = "POST /api/v1/devices/{id}/"
	return map[string][]attempt{
		path + "reset-passcode":                   {{with: because, own: true}, dry("reset-passcode"), {with: `{"pin": {"mode": "supplied", "value": "73918264"}}`}},
		path + "clear-passcode":                   {{with: because, own: true}, dry("clear-passcode")},
		path + "provision-token":                  {{with: because, own: true}, dry("provision-token"), {with: `{"force": true}`}},
		"POST /api/v1/actions/{id}/reveal-answer": {{with: because}, {with: because, action: s.held.ID}},

		path + "unlock": {
			{with: because}, {with: `{"action_id": "` + string(s.theirs.ID) + `"}`}, dry("unlock"),
			{path: "/api/v1/devices/" + ourMac + "/unlock", with: `{"action_id": "` + string(s.theirs.ID) + `"}`, status: refused},
		},
		path + "revoke-token": {{with: because}, {with: `{"token_id": "` + string(s.theirs.ID) + `"}`}, dry("revoke-token")},
	}
}

func (s *scoped) eventTries() []attempt {
	return []attempt{
		{status: listed}, {with: "?device_id=" + theirMac, status: listed}, {with: "?actor=admin", status: listed}, {with: "?newest=true", status: listed},
		{with: "?action_id=" + string(s.theirs.ID)}, {with: "?format=csv", status: listed}, {with: "?format=jsonl", status: listed},
		{with: "?type=group,account,denied,alarm,batch-opened,break-glass,signed-in", status: listed},
		{with: "?since=2020-01-01T00:00:00Z", status: listed},
	}
}

// groupTries are those through the groups of the API.
func (s *scoped) groupTries() map[string][]attempt {
	const rename = `{"name": "Mine"}`
	into := "/api/v1/groups/" + s.own + "/devices/"
	return map[string][]attempt{
		"POST /api/v1/bulk/{id}/break-glass": {{with: `{"reason": "because"}`}},

		"GET /api/v1/groups": {{status: listed}},
		"POST /api/v1/groups": {
			{with: `{"name": "x", "parent_id": "` + s.group + `"}`, status: refused}, {with: `{"name": "Vault group"}`, status: refused},
		},
		"POST /api/v1/groups/import": {
			{with: "group,device\nOurs," + theirMac, status: refused}, {with: "group,device\nOurs,SERIAL-THEIRS", status: refused},
			{with: "group,device\nVault group," + ourMac, status: refused},
		},
		"GET /api/v1/groups/{id}":                        {{}},
		"PATCH /api/v1/groups/{id}":                      {{with: rename}, {path: "/api/v1/groups/" + s.own, with: `{"parent_id": "` + s.group + `"}`, status: refused}},
		"DELETE /api/v1/groups/{id}":                     {{}},
		"GET /api/v1/groups/{id}/devices":                {{}, {with: "?search=Vault"}},
		"PUT /api/v1/groups/{id}/devices/{member}":       {{}, {path: into + theirMac}},
		"DELETE /api/v1/groups/{id}/devices/{member}":    {{}, {path: into + theirMac}},
		"GET /api/v1/user-groups":                        {{status: listed}},
		"POST /api/v1/user-groups":                       {{with: rename, status: refused}},
		"POST /api/v1/user-groups/import":                {{with: "group,user\nMine," + theirUser, status: refused}},
		"GET /api/v1/user-groups/{id}":                   {{}},
		"PATCH /api/v1/user-groups/{id}":                 {{with: rename}},
		"DELETE /api/v1/user-groups/{id}":                {{}},
		"GET /api/v1/user-groups/{id}/users":             {{}},
		"PUT /api/v1/user-groups/{id}/users/{member}":    {{}},
		"DELETE /api/v1/user-groups/{id}/users/{member}": {{}},
	}
}

// consoleTries are the ways at what is theirs through the console.
func (s *scoped) consoleTries() map[string][]attempt {
	search := func(name string) []attempt {
		var tries []attempt
		for _, word := range []string{"SERIAL-THEIRS", "Vault", theirMac, theirUser} {
			tries = append(tries, attempt{with: "?" + form(name, word), status: listed, asked: []string{word}})
		}
		return append(tries, attempt{status: listed})
	}
	why := form("reason", "curious")
	tries := map[string][]attempt{
		"/":                           {{}},
		"GET /{$}":                    append(search("q"), attempt{with: "?after=" + theirMac, status: listed}),
		"GET /devices/{id}":           {{own: true}},
		"GET /devices/{id}/lock":      {{own: true}},
		"POST /devices/{id}/lock":     {{with: form("reason", "x", "confirm", "EIRS")}},
		"POST /devices/{id}/lock/pin": {{with: form("pin", "731947"), own: true}},
		"GET /devices/{id}/pins":      {{own: true}},
		"GET /devices/{id}/remove":    {{own: true}},
		"POST /devices/{id}/remove":   {{with: form("confirm", "EIRS")}},
		"POST /devices/{id}/hold":     {{with: why}},
		"POST /devices/{id}/release":  {{with: why}},
		"POST /devices/{id}/type":     {{with: form("digits", theirPIN)}},
		"GET /hardware":               {{with: "?serial=SERIAL-THEIRS"}},
		"GET /retention":              {{status: listed}},
		"POST /retention":             {{with: form("days", "1", "reason", "x", "device", "SERIAL-THEIRS")}, {with: form("days", "1", "reason", "x")}},
		"POST /retention/purge": {
			{with: form("days", "1", "reason", "x", "before", "2026-01-01T00:00:00Z", "arm", "PURGE 1", "confirm", "PURGE 1")},
		},
		"POST /retention/hold":           {{with: form("serial", "SERIAL-THEIRS", "reason", "x"), status: refused, asked: []string{"SERIAL-THEIRS"}}},
		"GET /actions":                   append(search("device"), attempt{with: "?state=live", status: listed}),
		"GET /actions/{id}":              {{own: true}, {action: s.held.ID}},
		"POST /actions/{id}/cancel":      {{with: why}, {with: why, action: s.held.ID}},
		"GET /actions/{id}/reveal":       {{own: true}},
		"POST /actions/{id}/reveal":      {{with: why, own: true}},
		"GET /actions/{id}/answer":       {{}},
		"POST /actions/{id}/answer":      {{with: why}},
		"GET /actions/{id}/feedback":     {{own: true}},
		"POST /actions/{id}/feedback":    {{with: form("feedback", "wrong-pin")}},
		"GET /approvals":                 {{status: listed}},
		"POST /actions/{id}/approve":     {{with: why, action: s.held.ID}},
		"POST /actions/{id}/reject":      {{with: why, action: s.held.ID}},
		"POST /actions/{id}/break-glass": {{with: why, action: s.held.ID}},
		"POST /reviews/{event}":          {{with: why}},
		"GET /locked":                    append(search("q"), search("search")...),
		"GET /locked/csv":                {{status: listed}},
		"GET /audit":                     append(search("device"), attempt{with: "?show=denials", status: listed}, attempt{with: "?show=accounts", status: listed}),
		"GET /audit/events":              {{with: "?format=csv", status: listed}, {with: "?format=jsonl&device=Vault", status: listed}},
		"POST /audit/verify":             {{}},
		"GET /audit/export":              {{}},
		"GET /audit/checkpoint":          {{status: either}},
		"GET /enrolment":                 {{}},
		"POST /enrolment":                {{}},
	}
	maps.Copy(tries, s.consoleManyTries())
	maps.Copy(tries, s.consolePhoneTries())
	return tries
}

// consolePhoneTries are those through what devices have that are no Macs.
func (s *scoped) consolePhoneTries() map[string][]attempt {
	const confirm = "confirm=EIRS"
	return map[string][]attempt{
		"GET /devices/{id}/unlock":        {{}},
		"POST /devices/{id}/unlock":       {{with: form("reason", "curious")}, {with: form("of", string(s.theirs.ID))}},
		"GET /devices/{id}/reset":         {{}},
		"POST /devices/{id}/reset":        {{with: confirm + "&step=verify"}, {with: confirm + "&reason=curious"}},
		"POST /devices/{id}/reset/pin":    {{with: confirm + "&pin_mode=supplied&pin=73918264"}},
		"POST /devices/{id}/clear":        {{with: form("reason", "curious")}},
		"POST /devices/{id}/token":        {{with: "force=1"}},
		"POST /devices/{id}/token/revoke": {{with: form("token", string(s.theirs.ID))}},
	}
}

// consoleManyTries are those through groups and bulk orders.
func (s *scoped) consoleManyTries() map[string][]attempt {
	anyway := []int{200, 403, 404, 422} // what is not theirs is said, and nothing else
	why := form("reason", "curious")
	picked := []string{form("device", theirMac), form("group", s.group), form("branch", s.group), form("user_group", s.userGroup), "all=1&q=Vault"}
	var bulk, review []attempt
	for _, what := range picked {
		_, said, _ := strings.Cut(what, "=")
		asked := []string{said, "Vault"}
		review = append(review, attempt{with: "?" + what, status: anyway, asked: asked})
		bulk = append(bulk, attempt{with: what + "&" + form("reason", "x", "confirm", "1", "seen", "1"), status: []int{403, 404, 422}, asked: asked})
	}
	return map[string][]attempt{
		"GET /bulk":                   {{status: listed}},
		"GET /bulk/new":               review,
		"POST /bulk":                  bulk,
		"GET /bulk/{id}":              {{}},
		"GET /bulk/{id}/export":       {{with: "?format=csv"}},
		"POST /bulk/{id}/cancel":      {{with: why}},
		"POST /bulk/{id}/approve":     {{with: why}},
		"POST /bulk/{id}/break-glass": {{with: why}},
		"POST /bulk/{id}/reject":      {{with: why}},

		"GET /groups":                     {{status: listed}},
		"POST /groups/{kind}":             {{with: form("name", "x", "parent", s.group), status: refused, asked: []string{s.group}}},
		"GET /groups/{kind}/{id}":         {{}, {path: "/groups/users/" + s.userGroup}, {path: "/groups/devices/" + s.own + "?find=Vault", status: listed, asked: []string{"Vault"}}},
		"POST /groups/{kind}/{id}":        {{with: form("name", "Mine")}, {path: "/groups/users/" + s.userGroup, with: form("name", "Mine")}},
		"POST /groups/{kind}/{id}/delete": {{}, {path: "/groups/users/" + s.userGroup + "/delete"}},
		"POST /groups/{kind}/{id}/add":    {{with: form("member", ourMac)}, {path: "/groups/devices/" + s.own + "/add", with: form("member", theirMac)}},
		"POST /groups/{kind}/{id}/drop":   {{with: form("member", theirMac)}},
		"GET /groups/{kind}/import":       {{status: listed}},
		"POST /groups/{kind}/import": {
			{with: form("csv", "group,device\nOurs,"+theirMac, "apply", "yes"), status: refused, asked: []string{theirMac}},
		},
	}
}
