package omadm_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// A device begins a session, is told to lock, and says that no PIN is set.
func Example() {
	stored := []byte("{}") // what a database has of this device
	for _, body := range []string{firstPackage, statusOfTheLock} {
		var err error
		if stored, err = serve(stored, []byte(body)); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// answered, and it goes on: true
	// lock 7: 405 not_applicable, complete: true
	// answered, and it goes on: false
}

func serve(stored, body []byte) ([]byte, error) {
	message, err := syncml.Decode(body)
	if err != nil {
		return nil, err // HTTP 400
	}
	var state omadm.State
	if err := json.Unmarshal(stored, &state); err != nil {
		return nil, err
	}
	exchange, err := state.Receive(omadm.Input{Message: message, Now: time.Now(), Proof: omadm.Proof{Certificate: true}})
	if err != nil {
		return nil, err // HTTP 400
	}
	for _, answer := range exchange.Answers {
		code := answer.Replies[0].Code
		fmt.Printf("%s: %d %s, complete: %t\n", answer.Ref, code, code.Class(), answer.Complete)
	}
	if exchange.Begins && exchange.May {
		lock := omadm.Work{Ref: "lock 7", Commands: []syncml.Command{syncml.Exec("./Device/Vendor/MSFT/RemoteLock/Lock")}}
		if err := exchange.Send(lock); err != nil {
			return nil, err
		}
	}
	answer, err := exchange.Close()
	if err != nil {
		return nil, err
	}
	fmt.Printf("answered, and it goes on: %t\n", len(answer) > 0 && !exchange.Ended)
	return json.Marshal(state) // to be saved before the answer is sent
}

const (
	firstPackage = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>D</SessionID>` +
		`<MsgID>1</MsgID><Target><LocURI>https://mdm.example.com/dm</LocURI></Target><Source><LocURI>6F0A</LocURI></Source></SyncHdr>` +
		`<SyncBody><Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Final/></SyncBody></SyncML>`
	statusOfTheLock = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>D</SessionID>` +
		`<MsgID>2</MsgID><Target><LocURI>https://mdm.example.com/dm</LocURI></Target><Source><LocURI>6F0A</LocURI></Source></SyncHdr>` +
		`<SyncBody><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>` +
		`<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>3</CmdRef><Cmd>Exec</Cmd><Data>405</Data></Status><Final/></SyncBody></SyncML>`
)
