package syncml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

const header = `<SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>D</SessionID><MsgID>1</MsgID>` +
	`<Target><LocURI>https://mdm.example.com/</LocURI></Target><Source><LocURI>6F0A</LocURI></Source></SyncHdr>`

// document puts the commands into a message.
func document(commands string) string { return documentOf(header, commands) }

func documentOf(header, commands string) string {
	return `<SyncML xmlns="SYNCML:SYNCML1.2">` + header + `<SyncBody>` + commands + `</SyncBody></SyncML>`
}

const (
	alert  = `<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>`
	secret = "483920"
)

// refusal is a document, and what is said of it.
type refusal struct{ body, element, rule string }

// refuses decodes them all. Many hold the secret, and no error shows it.
func refuses(t *testing.T, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := syncml.Decode([]byte(c.body))
			require.Nil(t, m)
			var e *syncml.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.element, e.Element)
			assert.Contains(t, e.Rule, c.rule)
			assert.LessOrEqual(t, e.Offset, int64(len(c.body)))
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secret)
		})
	}
}

// fine is a document, and item one with more in its item.
var fine = document(alert)

func item(inside string) string {
	return document(`<Replace><CmdID>1</CmdID><Item><Data>` + secret + `</Data>` + inside + `</Item></Replace>`)
}

// TestRefusedXML: no document that is not plain XML, in UTF-8, within the limits, gets further.
func TestRefusedXML(t *testing.T) {
	refuses(t, map[string]refusal{
		"empty":                  {"", "SyncML", "missing"},
		"only white space":       {" \n", "SyncML", "missing"},
		"no XML":                 {secret, "SyncML", "root"},
		"cut":                    {fine[:len(fine)-9], "SyncML", "well-formed"},
		"another root":           {"<html>" + secret + "</html>", "SyncML", "root"},
		"root without namespace": {strings.Replace(fine, ` xmlns="SYNCML:SYNCML1.2"`, "", 1), "SyncML", "namespace"},
		"SyncML 1.1":             {strings.Replace(fine, "SYNCML1.2", "SYNCML1.1", 1), "SyncML", "namespace"},
		"two roots":              {fine + fine, "SyncML", "end of the document"},
		"text after the root":    {fine + secret, "SyncML", "end of the document"},
		"document type":          {`<!DOCTYPE SyncML [<!ENTITY pin "` + secret + `">]>` + fine, "SyncML", "document type"},
		"document type inside":   {document(`<!DOCTYPE a>` + alert), "SyncML", "document type"},
		"entity":                 {item("&pin;"), "SyncML", "well-formed"},
		"entity of HTML":         {document(`<Alert><CmdID>1</CmdID><Data>&nbsp;</Data></Alert>`), "SyncML", "well-formed"},
		"illegal character":      {document(`<Alert><CmdID>1</CmdID><Data>&#1;</Data></Alert>`), "SyncML", "well-formed"},
		"zero":                   {document(`<Alert><CmdID>1</CmdID><Data>&#0;</Data></Alert>`), "SyncML", "well-formed"},
		"no character":           {document(`<Alert><CmdID>1</CmdID><Data>&#xFFFE;</Data></Alert>`), "SyncML", "well-formed"},
		"half a character":       {item("A&#x2d;&#xD83D;"), "SyncML", "reference"},
		"two halves":             {item("&#x00d83d;&#56832;"), "SyncML", "reference"},
		"half of an attribute":   {document(`<Status><CmdID>1</CmdID><Data msft:originalerror="&#56832;">404</Data></Status>`), "SyncML", "reference"},
		"stylesheet":             {`<?xml-stylesheet href="` + secret + `"?>` + fine, "SyncML", "processing instruction"},
		"late declaration":       {document(`<?xml version="1.0"?>` + alert), "SyncML", "processing instruction"},
		"UTF-16 declared":        {`<?xml version="1.0" encoding="UTF-16"?>` + fine, "SyncML", "UTF-8"},
		"Latin 1 declared":       {`<?xml version="1.0" encoding="ISO-8859-1"?>` + fine, "SyncML", "UTF-8"},
		"UTF-16":                 {"\xff\xfe<\x00S\x00", "SyncML", "be encoded in UTF-8"},
		"bytes of Latin 1":       {item("\xfc"), "SyncML", "be encoded in UTF-8"},
		"Latin 1 in a comment":   {document("<!--\xfc-->"), "SyncML", "be encoded in UTF-8"},
		"WBXML":                  {"\x02\xa4\x01\x6a\x00", "SyncML", "be encoded in UTF-8"},
		"too large":              {fine + strings.Repeat(" ", syncml.MaxBody), "SyncML", "512 KiB"},
		"too deep":               {document(strings.Repeat("<Sequence><CmdID>1</CmdID>", 15)), "SyncML", "nested"},
		"too deep, extensions":   {document(strings.Repeat("<x>", 100000)), "SyncML", "nested"},
		"too deep, in Data":      {document(`<Add><CmdID>1</CmdID><Meta><Format>xml</Format></Meta><Item><Data>` + strings.Repeat("<x>", 20)), "SyncML", "nested"},
		"too many commands":      {document(strings.Repeat(alert, 2001)), "SyncBody", "2,000"},
		"too many items":         {document(`<Get><CmdID>1</CmdID>` + strings.Repeat("<Item/>", 2000) + `</Get>`), "SyncBody", "2,000"},
	})
}

// TestRefusedHeader: what makes a message is there once and in order.
func TestRefusedHeader(t *testing.T) {
	refuses(t, map[string]refusal{
		"no header":             {documentOf("", alert), "SyncML", "in this order"},
		"no body":               {`<SyncML xmlns="SYNCML:SYNCML1.2">` + header + `</SyncML>`, "SyncML", "in this order"},
		"body first":            {`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncBody></SyncBody>` + header + `</SyncML>`, "SyncML", "in this order"},
		"two headers":           {documentOf(header+header, alert), "SyncHdr", "repeated"},
		"extension in the root": {documentOf("<x/>"+header, alert), "SyncML", "in this order"},
		"another DTD":           {strings.Replace(fine, ">1.2<", ">1.1<", 1), "VerDTD", "1.2"},
		"another protocol":      {strings.Replace(fine, "DM/1.2", "DM/1.1", 1), "VerProto", "DM/1.2"},
		"no session":            {strings.Replace(fine, "<SessionID>D</SessionID>", "", 1), "SyncHdr", "SessionID"},
		"two sessions":          {strings.Replace(fine, "<SessionID>", "<SessionID>E</SessionID><SessionID>", 1), "SessionID", "repeated"},
		"a long session":        {strings.Replace(fine, "<SessionID>", "<SessionID>"+strings.Repeat("D", 64), 1), "SessionID", "64 bytes"},
		"empty source":          {strings.Replace(fine, "6F0A", " ", 1), "SyncHdr", "Source"},
	})
}

// TestRefusedPlace: an element has its place, and nothing is guessed of one that is elsewhere.
func TestRefusedPlace(t *testing.T) {
	refuses(t, map[string]refusal{
		"command after Final":     {document(`<Final/>` + alert), "Final", "last"},
		"two Finals":              {document(`<Final/><Final/>`), "Final", "repeated"},
		"Final with content":      {document(`<Final>` + secret + `</Final>`), "Final", "empty"},
		"text between commands":   {document(alert + secret), "SyncBody", "no text"},
		"text in an unknown one":  {document(`<P483920>` + secret + `</P483920>`), "SyncBody", "no text"},
		"a long unknown name":     {document(`<P` + strings.Repeat("9", 64) + `/>`), "SyncBody", "name"},
		"header in the body":      {document(header), "SyncHdr", "no place in SyncBody"},
		"item in the body":        {document(`<Item/>`), "Item", "no place in SyncBody"},
		"status in a Sequence":    {document(`<Sequence><CmdID>1</CmdID><Status><CmdID>2</CmdID></Status></Sequence>`), "Status", "no place in Sequence"},
		"command in a Get":        {document(`<Get><CmdID>1</CmdID>` + alert + `</Get>`), "Alert", "no place in Get"},
		"Data in an Exec":         {document(`<Exec><CmdID>1</CmdID><Data>` + secret + `</Data></Exec>`), "Data", "no place in Exec"},
		"Cred in an Exec":         {document(`<Exec><CmdID>1</CmdID><Cred/></Exec>`), "Cred", "no place in Exec"},
		"Data in Data":            {item("<Data>x</Data>"), "Data", "repeated"},
		"element in Data":         {document(`<Results><CmdID>1</CmdID><Item><Data><x>` + secret + `</x></Data></Item></Results>`), "Data", "format is xml"},
		"prefix in Data":          {document(`<Add><CmdID>1</CmdID><Item><Meta><Format>xml</Format></Meta><Data><x:y xmlns:x="` + secret + `"/></Data></Item></Add>`), "Data", "namespaces"},
		"namespace in Data":       {document(`<Add><CmdID>1</CmdID><Item><Meta><Format>xml</Format></Meta><Data><y xmlns="` + secret + `"/></Data></Item></Add>`), "Data", "namespaces"},
		"prefix of an attribute":  {document(`<Add><CmdID>1</CmdID><Item><Meta><Format>xml</Format></Meta><Data><y x:a="` + secret + `"/></Data></Item></Add>`), "Data", "namespaces"},
		"illegal comment in Data": {document(`<Add><CmdID>1</CmdID><Item><Meta><Format>xml</Format></Meta><Data><y/><!--` + "\x01" + `--></Data></Item></Add>`), "Data", "character"},
		"element in a LocURI":     {item(`<Target><LocURI>./<Data/></LocURI></Target>`), "LocURI", "no elements"},
		"element in MoreData":     {item(`<MoreData><x/></MoreData>`), "MoreData", "no elements"},
		"LocURI in an Item":       {item(`<LocURI>./A</LocURI>`), "LocURI", "no place in Item"},
		"LocURI in Meta":          {item(`<Meta><LocURI>./A</LocURI></Meta>`), "LocURI", "no place in Meta"},
		"Item in Cred":            {strings.Replace(fine, "</SyncHdr>", "<Cred><Item/></Cred></SyncHdr>", 1), "Item", "no place in Cred"},
		"Data in Chal":            {document(`<Status><CmdID>1</CmdID><Chal><Data>` + secret + `</Data></Chal></Status>`), "Data", "no place in Chal"},
		"Final in the header":     {strings.Replace(fine, "</SyncHdr>", "<Final/></SyncHdr>", 1), "Final", "no place in SyncHdr"},
		"Meta in a Target":        {item(`<Target><Meta/></Target>`), "Meta", "no place in Target"},
		"no CmdID":                {document(`<Exec><Item/></Exec>`), "Exec", "CmdID"},
		"a long CmdID":            {document(`<Exec><CmdID>` + strings.Repeat("1", 65) + `</CmdID></Exec>`), "CmdID", "64 bytes"},
		"a long error":            {document(`<Status><CmdID>1</CmdID><Data msft:originalerror="` + strings.Repeat("1", 65) + `">404</Data></Status>`), "Data", "originalerror"},
	})
}

// TestTolerated: what devices write differently and mean the same.
func TestTolerated(t *testing.T) {
	status := func(data string) string {
		return `<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Get</Cmd>` + data + `</Status>`
	}
	results := func(meta, data string) string {
		return `<Results><CmdID>1</CmdID><CmdRef>2</CmdRef><Item>` + meta + data + `</Item></Results>`
	}
	const format = `<Meta><Format xmlns="syncml:metinf">chr</Format></Meta>`
	for name, c := range map[string]struct{ body, same string }{
		"byte order mark":          {"\xef\xbb\xbf" + document(alert), document(alert)},
		"declaration":              {`<?xml version="1.0" encoding="utf-8" standalone="yes"?>` + "\n" + document(alert), document(alert)},
		"mark and declaration":     {"\xef\xbb\xbf" + `<?xml version="1.0" encoding="UTF-8"?>` + document(alert), document(alert)},
		"prefix for SyncML":        {`<s:SyncML xmlns:s="SYNCML:SYNCML1.2" xmlns="SYNCML:SYNCML1.2">` + header + `<s:SyncBody>` + alert + `</s:SyncBody></s:SyncML>`, document(alert)},
		"comments":                 {`<!-- a -->` + document(`<!-- b -->`+strings.Replace(alert, "1201", "12<!-- c -->01", 1)) + `<!-- d -->`, document(alert)},
		"meta without namespace":   {document(results(`<Meta><Format>chr</Format></Meta>`, `<Data>a</Data>`)), document(results(format, `<Data>a</Data>`))},
		"namespace on Meta":        {document(results(`<Meta xmlns="syncml:metinf"><Format>chr</Format></Meta>`, `<Data>a</Data>`)), document(results(format, `<Data>a</Data>`))},
		"prefix on Meta's":         {document(results(`<Meta xmlns:m="syncml:metinf"><m:Format>chr</m:Format></Meta>`, `<Data>a</Data>`)), document(results(format, `<Data>a</Data>`))},
		"other meta information":   {document(results(`<Meta><Format>chr</Format><EMI>x<y/></EMI></Meta>`, `<Data>a</Data>`)), document(results(format, `<Data>a</Data>`))},
		"CDATA":                    {document(results(``, `<Data>a<![CDATA[<b>]]>c</Data>`)), document(results(``, `<Data>a&lt;b&gt;c</Data>`))},
		"references":               {document(results(``, `<Data>&#xFFFD;&#x1F600;<![CDATA[&#xD83D;]]></Data>`)), document(results(``, "<Data>\ufffd\U0001f600&amp;#xD83D;</Data>"))},
		"markup of format xml":     {document(results(`<Meta><Format>xml</Format></Meta>`, `<Data> <a b="c">d &amp; e</a></Data>`)), document(results(`<Meta><Format>xml</Format></Meta>`, `<Data> &lt;a b="c">d &amp;amp; e&lt;/a></Data>`))},
		"undeclared msft":          {document(status(`<Data msft:originalerror="0x86000002">404</Data>`)), document(status(`<Data xmlns:x="http://schemas.microsoft.com/MobileDevice/MDM" x:originalerror="0x86000002">404</Data>`))},
		"another's originalerror":  {document(status(`<Data originalerror="1" y:originalerror="2">404</Data>`)), document(status(`<Data>404</Data>`))},
		"elements in any order":    {document(`<Status><Data>200</Data><Cmd>Get</Cmd><CmdRef>2</CmdRef><MsgRef>1</MsgRef><CmdID>1</CmdID></Status>`), document(status(`<Data>200</Data>`))},
		"elements OMA DM left out": {document(strings.Replace(alert, "<Data>", "<NoResp/><Archive/><Lang>en</Lang><Data>", 1)), document(alert)},
		"foreign elements":         {document(`<x:Exec xmlns:x="urn:x"><CmdID>1</CmdID></x:Exec>` + alert), document(alert)},
		"unknown, without CmdID":   {document(`<Vendor><Item/></Vendor>` + alert), document(alert)},
		"white space":              {document("<Alert>\n<CmdID> 2\n</CmdID> <Data>\t1201 </Data></Alert>"), document(alert)},
		"empty Final":              {document(alert + "<Final> </Final>"), document(alert + "<Final/>")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := syncml.Decode([]byte(c.body))
			require.NoError(t, err)
			want, err := syncml.Decode([]byte(c.same))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func decodeOne(t *testing.T, command string) syncml.Command {
	t.Helper()
	m, err := syncml.Decode([]byte(document(command)))
	require.NoError(t, err)
	require.Len(t, m.Commands, 1)
	return m.Commands[0]
}

// TestUnknown: an unknown command is kept so that it can be answered, and its content is not.
func TestUnknown(t *testing.T) {
	got := decodeOne(t, `<Sequence><CmdID>1</CmdID><Map><CmdID>2</CmdID><Item><Data>x</Data></Item><Target/></Map></Sequence>`)
	assert.Equal(t, syncml.Command{Verb: "Sequence", ID: "1", Children: []syncml.Command{{Verb: "Map", ID: "2"}}}, got)
}

// TestData: the value of a node is kept as it is, an address is not.
func TestData(t *testing.T) {
	got := decodeOne(t, `<Results><CmdID>1</CmdID><CmdRef>2</CmdRef><Item><Source><LocURI>
		./A </LocURI></Source><Data> a&#xF000;b`+"\n"+` </Data></Item><Item><Data/></Item><Item/></Results>`)
	assert.Equal(t, []syncml.Item{
		{Source: &syncml.Location{URI: "./A"}, Data: " a\uf000b\n ", HasData: true}, {HasData: true}, {},
	}, got.Items)
}
