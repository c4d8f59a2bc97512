package mdmtest

// Fault is one thing that goes wrong once, with a DeviceLock or with the answer to it.
type Fault int

// The faults. The first two say how the Mac answers instead of locking, each for one DeviceLock, in the order given. The others are
// independent of these and of each other; each waits for its next occasion, and an occasion uses up one of its kind.
const (
	NotNow       Fault = iota // answers NotNow
	FormatError               // answers CommandFormatError
	LoseCommand               // the reply with the DeviceLock never arrives: the server has written it, the Mac saw nothing
	LoseAnswer                // the Mac has obeyed, but the server never receives the answer: it is kept and sent again
	LoseReceipt               // the server receives the answer, but its 200 never arrives: the answer is sent again
	RepeatAnswer              // the answer is sent twice in a row; the Mac goes on with the second reply
	HoldAnswer                // the answer stays on the way until Flush
	TrailingIdle              // the Mac polls Idle once more after its answer, before it restarts; it ignores the reply
)

// ErrorItem is one entry of an ErrorChain.
type ErrorItem struct {
	Code        int
	Domain      string
	Description string
}

// reply is how a DeviceLock is answered instead of being obeyed.
type reply struct {
	status string
	chain  []ErrorItem
}

// Script adds faults to those that are still waiting: Script(NotNow, NotNow, LoseAnswer, TrailingIdle) refuses two DeviceLocks
// for now, loses the first of these answers, obeys the third DeviceLock and polls once more before the restart.
func (m *Mac) Script(faults ...Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range faults {
		switch f {
		case NotNow:
			m.replies = append(m.replies, reply{status: statusNotNow})
		case FormatError:
			m.replies = append(m.replies, reply{status: statusFormatError})
		default:
			m.faults[f]++
		}
	}
}

// Refuse makes the Mac answer one DeviceLock with Error and the chain, whose first entry is the top one. It queues behind
// NotNow and FormatError of the script.
func (m *Mac) Refuse(chain ...ErrorItem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replies = append(m.replies, reply{status: statusError, chain: chain})
}

func (m *Mac) nextReply() (reply, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.replies) == 0 {
		return reply{}, false
	}
	r := m.replies[0]
	m.replies = m.replies[1:]
	return r, true
}

// strikes uses up one fault of the kind, if there is one.
func (m *Mac) strikes(f Fault) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.faults[f] == 0 {
		return false
	}
	m.faults[f]--
	return true
}

func chain(items ...ErrorItem) []any {
	out := []any{}
	for _, i := range items {
		out = append(out, map[string]any{
			"ErrorCode": i.Code, "ErrorDomain": i.Domain, "LocalizedDescription": i.Description, "USEnglishDescription": i.Description,
		})
	}
	return out
}
