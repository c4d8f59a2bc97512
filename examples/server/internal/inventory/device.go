package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// Device is one device as the server knows it.
type Device struct {
	lock.Device // what it said is among its Facts only where one device was asked for; that it checked out always is: Enrolled is false

	OSVersion   string // as the device said last, or as in "Android 14 (API 34)"; empty: unknown
	ProductName string // Apple's model identifier, as Mac14,2; empty: unknown
	Silicon     *bool  // it has Apple silicon; nil: unknown
	APILevel    int    // Android's; 0: unknown, or none
	Mode        string // how an Android device is managed (android.Mode); empty: unknown, or none
	Class       string // of a Windows device (windows.Class): phone, hololens or desktop; empty: unknown, or none
	Edition     string // its edition, as the number that Windows gives it; empty: unknown, or none
	Build       string // its build, as in 10.0.22631.4460; empty: unknown, or none
	Enrolled    bool   // false: it checked out
	EnrolledAt  time.Time
	LastSeen    time.Time
	Expires     time.Time // its certificate, after which it cannot be reached; zero: unknown
}

// maxPage is the most devices of one page.
const maxPage = 1000

const columns = `d.id, d.platform, d.serial, d.name, d.user_name, d.model, d.os_version, d.product_name, d.enrolled, d.enrolled_at, d.seen_at,
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'IsAppleSilicon'), ''),
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'SupportsiOSAppInstalls'), ''),
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'api_level'), ''),
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'mode'), ''),
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'class'), ''),
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'edition'), ''),
	coalesce((SELECT value FROM server_facts f WHERE f.device = d.id AND f.name = 'build'), ''),
	coalesce((SELECT expires_at FROM server_bindings b WHERE b.cert = d.cert), 0)`

// Devices lists the devices that an actor sees (group.Visible), by name. Search is looked for in name, serial number, user, model and ID, in
// any case; empty finds all. The page begins after the device of the ID after ("": at the beginning) and has at most limit devices (0: 100,
// never more than 1,000).
func (s *Store) Devices(ctx context.Context, a lock.Actor, search, after string, limit int) ([]Device, error) {
	if limit <= 0 {
		limit = 100
	}
	if !db.IsText(search) || !db.IsText(after) {
		return nil, nil
	}
	//nolint:gosec // constants, and $ placeholders
	query := `SELECT ` + columns + ` FROM server_devices d
		WHERE ($1 = '' OR (d.name, d.id) > (SELECT a.name, a.id FROM server_devices a WHERE a.id = $1 AND ` + group.Visible("a.id", "$4") + `))
		AND d.removed = 0 AND ` + group.Visible("d.id", "$4") + `
		AND lower(d.name || ' ' || d.serial || ' ' || d.user_name || ' ' || d.model || ' ' || d.id) LIKE $2 ESCAPE '!'
		ORDER BY d.name, d.id LIMIT $3`
	pattern := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(search)) + "%"
	rows, err := s.db.Readers.QueryContext(ctx, query, after, pattern, min(limit, maxPage), a.ID)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []Device
	for rows.Next() {
		d, err := s.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list devices: %w", err)
		}
		found = append(found, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return found, nil
}

// Find returns one device with its facts, or an error that wraps lock.ErrNotFound: for what devices do themselves. See FindFor.
func (s *Store) Find(ctx context.Context, id string) (Device, error) { return s.find(ctx, id, "") }

// FindFor returns one device with its facts as an actor sees it: one that the actor does not see is not there (lock.ErrNotFound).
func (s *Store) FindFor(ctx context.Context, a lock.Actor, id string) (Device, error) {
	return s.find(ctx, id, ` AND `+group.Visible("d.id", "$2"), a.ID)
}

func (s *Store) find(ctx context.Context, id, narrow string, args ...any) (Device, error) {
	if !db.IsText(id) {
		return Device{}, fmt.Errorf("device %w", lock.ErrNotFound)
	}
	//nolint:gosec // constants, and $ placeholders
	row := s.db.Readers.QueryRowContext(ctx, `SELECT `+columns+` FROM server_devices d WHERE d.id = $1 AND d.removed = 0`+narrow,
		append([]any{id}, args...)...)
	d, err := s.scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return Device{}, fmt.Errorf("device %w", lock.ErrNotFound)
	}
	if err == nil {
		err = s.facts(ctx, &d)
	}
	if err != nil {
		return Device{}, fmt.Errorf("find device: %w", err)
	}
	return d, nil
}

func (s *Store) scan(row interface{ Scan(...any) error }) (Device, error) {
	d := Device{Device: lock.Device{Scope: Scope}}
	var enrolledAt, seenAt, expires int64
	var is, hint, level string
	err := row.Scan(&d.ID, &d.Platform, &d.Serial, &d.Name, &d.User, &d.Model, &d.OSVersion, &d.ProductName, &d.Enrolled, &enrolledAt, &seenAt,
		&is, &hint, &level, &d.Mode, &d.Class, &d.Edition, &d.Build, &expires)
	if err != nil {
		return Device{}, err
	}
	if d.Platform == mdmproto.PlatformName {
		d.Silicon = silicon(is, hint, d.ProductName, d.OSVersion)
	}
	d.APILevel, _ = strconv.Atoi(level) // what is no number is not known
	d.EnrolledAt, d.LastSeen, d.Expires = db.Time(enrolledAt), s.lastSeen(d.ID, db.Time(seenAt)), db.Time(expires)
	if !d.Enrolled {
		d.Facts = map[string]lock.Fact{"Enrolled": {Value: "false", At: d.LastSeen}} // the check-out was its last message
	}
	return d, nil
}

// silicon says what a Mac has, by the rule of mdmproto's preflight: IsAppleSilicon has no answer before macOS 12, so that a hint has to
// do on macOS 11, and before that every Mac is an Intel.
func silicon(is, hint, product, version string) *bool {
	yes := is == "true" || hint == "true"
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.ParseUint(major, 10, 16)
	old := err == nil && n > 0 && n < 11 && (product == "" || strings.Contains(product, "Mac"))
	if !yes && !old && is != "false" {
		return nil
	}
	return &yes
}

// facts adds what is known of a device.
func (s *Store) facts(ctx context.Context, d *Device) error {
	rows, err := s.db.Readers.QueryContext(ctx, `SELECT name, value, learnt_at FROM server_facts WHERE device = $1`, d.ID)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if d.Facts == nil {
		d.Facts = map[string]lock.Fact{}
	}
	for rows.Next() {
		var name string
		var f lock.Fact
		var at int64
		if err := rows.Scan(&name, &f.Value, &at); err != nil {
			return err
		}
		f.At = db.Time(at)
		d.Facts[name] = f
	}
	return rows.Err()
}
