// Package syncml reads and writes the messages of OMA Device Management 1.2 as Windows speaks it (MS-MDM), and makes the digest that its
// devices prove themselves with.
//
//	m, err := syncml.Decode(body)
//	m.Header.Source.URI                                        // who says that it sent it
//	m.Commands = []syncml.Command{syncml.Exec("./Device/Vendor/MSFT/RemoteLock/Lock")}
//	answer, err := m.Encode()
//
// A [Message] is a header and commands in document order, each with the fields that its element has; nothing is interpreted. What they mean
// in a session is package omadm's.
//
// # What is refused
//
// More than 512 KiB; an encoding that is not UTF-8 (a byte order mark is accepted); a document type, entities of its own, processing
// instructions; more than 16 nested elements, more than 2,000 commands and items, IDs and codes of more than 64 bytes; another DTD than 1.2
// or protocol than DM/1.2; an element of SyncML at a place that is not its own, or twice where it belongs once; text between elements; a
// command without a CmdID; anything after Final or after the root. The error names the element, the rule and the place, and shows nothing of
// the message, which may hold a PIN.
//
// # What is tolerated
//
// Windows and others differ in details that change no meaning: the children of Meta with the namespace syncml:metinf, or without, or with it
// on Meta itself; the prefix msft declared or not; elements inside a command in any order; white space around everything but the Data of an
// Item, which is kept as it is. Elements that are not SyncML's, or that OMA DM does not use, are passed over, and are not in the Message. A
// command that is unknown is kept with its name and CmdID alone, so that it can be answered.
//
// Data with markup in it is kept as it was written, when its format is xml and the markup uses no namespaces. When the same markup is sent
// escaped, the Message is the same, and so it is encoded.
//
// # Promises
//
// What [Message.Encode] writes, [Decode] reads as the same Message, but for IDs that Encode gave, and white space around what is not Data.
// The order of elements is that of the DTD, which Windows insists on. [CheckLocURI] holds for every node that a command acts on.
//
// # Not included
//
// WBXML, queries in a LocURI, large objects in chunks (the elements are read and written, nobody joins them), and the elements that OMA DM
// leaves out of SyncML, such as Map, Put, Search and Sync.
//
// Specifications: OMA-TS-DM_RepPro-V1_2_1, OMA-SyncML-RepPro-V1_2_2, OMA-SyncML-MetaInfo-V1_2, OMA-TS-DM_Security-V1_2_1; MS-MDM.
package syncml
