package syncml_test

import (
	"fmt"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

func Example() {
	m, err := syncml.Decode([]byte(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>` +
		`<SessionID>D</SessionID><MsgID>1</MsgID><Target><LocURI>https://mdm.example.com/</LocURI></Target>` +
		`<Source><LocURI>6F0A1B2C</LocURI></Source></SyncHdr>` +
		`<SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Final/></SyncBody></SyncML>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Header.Source.URI, m.Commands[0].Verb, m.Commands[0].Data)

	m.Header.Source, m.Header.Target = m.Header.Target, m.Header.Source
	m.Commands = []syncml.Command{
		{Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: "0", Cmd: "SyncHdr", Data: "200"},
		syncml.Exec("./Device/Vendor/MSFT/RemoteLock/Lock "),
	}
	_, err = m.Encode()
	fmt.Println(err)
	// Output:
	// 6F0A1B2C Alert 1201
	// syncml: LocURI must have white space and any of ? # \ " < > percent-encoded, as UTF-8
}
