package syncml

// The limits and the media type of a message.
const (
	ContentType = "application/vnd.syncml.dm+xml" // of requests and answers; the body is UTF-8
	MaxBody     = 512 << 10                       // bytes that Decode reads at most
)

// Message is one SyncML document: what a device posts, or what the server answers. VerDTD is 1.2 and VerProto DM/1.2; Decode refuses others.
type Message struct {
	Header   Header
	Commands []Command // in document order
	Final    bool      // the last message of the package
}

// Header is SyncHdr. SessionID and MsgID are opaque: Windows writes the session as two-byte hexadecimal.
type Header struct {
	SessionID, MsgID string
	Target, Source   Location
	RespURI          string
	Cred             *Cred
	Meta             *Meta // MaxMsgSize and MaxObjSize
}

// Location is a Target or a Source: LocURI, without white space around it, and LocName.
type Location struct {
	URI  string `json:"uri,omitempty"`
	Name string `json:"name,omitempty"`
}

// Verb is the element name of a command. Decode also gives names that are not listed here, for commands that nobody can execute; Encode
// refuses those.
type Verb string

// The commands of OMA DM.
const (
	VerbAdd      Verb = "Add"
	VerbAlert    Verb = "Alert"
	VerbAtomic   Verb = "Atomic"
	VerbCopy     Verb = "Copy"
	VerbDelete   Verb = "Delete"
	VerbExec     Verb = "Exec"
	VerbGet      Verb = "Get"
	VerbReplace  Verb = "Replace"
	VerbResults  Verb = "Results"
	VerbSequence Verb = "Sequence"
	VerbStatus   Verb = "Status"
)

// Command is one command of a SyncBody, Atomic or Sequence. The fields that its verb has no place for are empty.
type Command struct {
	Verb          Verb      `json:"verb"`
	ID            string    `json:"id,omitempty"`             // CmdID; empty: Encode gives it one
	MsgRef        string    `json:"msg_ref,omitempty"`        // Status, Results: the MsgID that it speaks of
	CmdRef        string    `json:"cmd_ref,omitempty"`        // Status, Results: the CmdID; 0 is the SyncHdr
	Cmd           string    `json:"cmd,omitempty"`            // Status: the verb that it speaks of
	TargetRefs    []string  `json:"target_refs,omitempty"`    // Status, Results
	SourceRefs    []string  `json:"source_refs,omitempty"`    // Status, Results
	Cred          *Cred     `json:"cred,omitempty"`           // Status
	Chal          *Chal     `json:"chal,omitempty"`           // Status
	Data          string    `json:"data,omitempty"`           // the code of a Status or an Alert
	OriginalError string    `json:"original_error,omitempty"` // Status: msft:originalerror, as the device wrote it
	Correlator    string    `json:"correlator,omitempty"`     // Exec, Alert
	Meta          *Meta     `json:"meta,omitempty"`           // for all items
	Items         []Item    `json:"items,omitempty"`
	Children      []Command `json:"children,omitempty"` // Atomic, Sequence
}

// Item is what a command is about. Data is kept as it is, white space included; it may hold a secret.
type Item struct {
	Target   *Location `json:"target,omitempty"`
	Source   *Location `json:"source,omitempty"`
	Meta     *Meta     `json:"meta,omitempty"`
	Data     string    `json:"data,omitempty"`
	HasData  bool      `json:"has_data,omitempty"`  // a Data element is there, though it may be empty
	MoreData bool      `json:"more_data,omitempty"` // a chunk of a large object
}

// Meta is the meta information of a header, command or item, as text. An empty field is one that is not there.
type Meta struct {
	FieldLevel string `json:"field_level,omitempty"`
	Format     string `json:"format,omitempty"` // b64, bin, bool, chr, int, null, node, xml, date, time, float; chr when empty
	Type       string `json:"type,omitempty"`   // text/plain when empty
	Mark       string `json:"mark,omitempty"`   // the importance of a generic alert
	Size       string `json:"size,omitempty"`   // bytes of a large object
	NextNonce  string `json:"next_nonce,omitempty"`
	MaxMsgSize string `json:"max_msg_size,omitempty"` // bytes
	MaxObjSize string `json:"max_obj_size,omitempty"` // bytes
}

// Cred is a credential: of type syncml:auth-md5, Data is a [Digest].
type Cred struct {
	Meta Meta   `json:"meta,omitzero"`
	Data string `json:"data,omitempty"`
}

// Chal asks for a credential, or gives the nonce for the next one.
type Chal struct {
	Meta Meta `json:"meta,omitzero"`
}
