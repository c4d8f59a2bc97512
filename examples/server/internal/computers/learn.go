package computers

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

const (
	maxFact    = 256  // bytes of a value that is kept
	maxChannel = 2048 // bytes of a channel's address
)

// Learn implements windows.Devices. A device whose user has disconnected it is not enrolled any more; its secrets stay in the ledger. Its serial
// number and its model go into the inventory where nobody has said another one. By a serial number the ledger finds what it keeps of a device, so
// one that another device has already, removed ones included, stays a fact: whoever says it would have the history of that one.
func (s *Store) Learn(ctx context.Context, d lock.Device, l windows.Learnt) error {
	facts := map[string]string{}
	for name, value := range l.Facts {
		if len(value) <= maxFact && db.IsText(value) {
			facts[name] = value
		}
	}
	said := inventory.Learnt{
		Facts: facts, OSVersion: osVersion(d, facts), Serial: facts[string(windows.FactSerial)], Model: facts[string(windows.FactModel)],
	}
	var serial string
	err := s.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		serial, err = s.Inventory.LearnComputer(ctx, tx, d.ID, said)
		if err != nil || l.ChannelURI == "" || len(l.ChannelURI) > maxChannel || !db.IsText(l.ChannelURI) {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE server_computers SET channel = $2, channel_at = $3 WHERE device = $1`,
			d.ID, l.ChannelURI, db.Micros(s.Now()))
		return err
	})
	if errors.Is(err, lock.ErrNotFound) {
		err = windows.ErrNotEnrolled
	}
	if err == nil && said.Serial != "" && said.Serial != serial {
		s.Logger.WarnContext(ctx, "a device says a serial number that is not taken over: it was entered with another one, or another device has it",
			slog.String("device", d.ID), slog.String("serial", serial), slog.String("said", said.Serial))
	}
	if err == nil && l.Gone {
		err = s.Inventory.LeaveComputer(ctx, d.ID)
	}
	if err != nil {
		return fmt.Errorf("keep what the device said: %w", err)
	}
	return nil
}

// firstOf11 is the first build of Windows 11.
const firstOf11 = 22000

// osVersion is a build as people know it, as in "Windows 11 (10.0.22631.4460)"; empty: unknown. What was learnt just now goes before what was
// known.
func osVersion(d lock.Device, learnt map[string]string) string {
	fact := func(name windows.FactName) string {
		return cmp.Or(learnt[string(name)], d.Facts[string(name)].Value)
	}
	build := fact(windows.FactBuild)
	if build == "" {
		return ""
	}
	name := "Windows"
	parts := strings.Split(build, ".")
	switch windows.Class(fact(windows.FactClass)) {
	case windows.ClassPhone:
		name = "Windows 10 Mobile"
	case windows.ClassHoloLens:
		name = "Windows Holographic"
	default:
		if len(parts) < 3 || parts[0] != "10" {
			break
		}
		if n, err := strconv.Atoi(parts[2]); err == nil {
			name = "Windows 10"
			if n >= firstOf11 {
				name = "Windows 11"
			}
		}
	}
	return name + " (" + build + ")"
}
