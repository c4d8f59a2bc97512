package bulk_test

import (
	"context"
	"fmt"
	"iter"
	"os"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// depot is an inventory of one group. With a database it is one query:
//
//	SELECT ... FROM devices JOIN members ... WHERE scope = $1 AND id > $2 ORDER BY id COLLATE "C" LIMIT $3
type depot []string

func (d depot) Devices(_ context.Context, _ string, s bulk.Selection, after string, limit int) (page []lock.Device, err error) {
	for _, id := range d {
		if len(s.Groups) > 0 && id > after && len(page) < limit {
			device := locktest.Device(id)
			device.Name = "Mac of the depot"
			page = append(page, device)
		}
	}
	return page, nil
}

// exampleT stands for the *testing.T that a test has.
type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func Example() {
	ctx, svc := context.Background(), locktest.New(exampleT{}, store.NewMemory()).Service
	table := map[string]bulk.Outcome{}
	order := bulk.Order{
		Actor: locktest.Admin(), Scope: "acme", Batch: "lorry",
		Selection: bulk.Selection{Devices: []string{"mac-7"}, Groups: []bulk.Group{{ID: "depot"}}},
		Request:   lock.Request{Reason: "stolen lorry", Ticket: "4711"},
	}
	progress, err := bulk.Run(ctx, bulk.Config{
		Service: svc, Inventory: depot{"mac-1", "mac-2", "mac-3"},
		Record: func(_ context.Context, outcomes []bulk.Outcome, _ bulk.Progress) error {
			for _, o := range outcomes {
				table[o.Device] = o // in a database: an upsert by batch and device
			}
			return nil
		},
	}, order)
	fmt.Println(progress.Ordered, progress.Unknown, err)
	fmt.Println(table["mac-1"].Result, table["mac-7"].Reason)
	// Output:
	// 3 1 <nil>
	// ordered The inventory does not know a device with this ID.
}

func ExampleWriteCSV() {
	var rows iter.Seq2[bulk.Outcome, error] = func(yield func(bulk.Outcome, error) bool) { // from your table
		yield(bulk.Outcome{Device: "mac-1", Serial: "C02XK1", Name: "=cmd", Result: bulk.Blocked, Code: "os_too_old", Reason: "Too old."}, nil)
	}
	if err := bulk.WriteCSV(os.Stdout, rows); err != nil {
		fmt.Println(err)
	}
	// Output:
	// device_id,serial_number,name,outcome,code,reason,action_id,state,platform
	// mac-1,C02XK1,'=cmd,blocked,os_too_old,Too old.,,,
}
