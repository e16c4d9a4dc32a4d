package backup

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/store"
)

// format is the version of the archive format that this package writes and reads.
const format = 2

// magic begins the first line of every archive; the format's version follows, and the line ends.
const magic = "landfall-backup "

// The sections of an archive, in their order.
const (
	sectionRecords   = "records"   // every stream, in order of name
	sectionSince     = "since"     // what was recorded while the first section was written
	sectionDocuments = "documents" // working documents, one section for each kind
)

// Bounds of what is believed of lengths: what lies beyond is damage, not data.
const (
	maxLine = 256 << 10
	maxBody = 64 << 20
)

// header is the archive's second line.
type header struct {
	Format   int          `json:"format"`
	TakenAt  time.Time    `json:"taken_at"`
	Version  string       `json:"version"` // of Landfall
	Epoch    int64        `json:"epoch"`
	KeyPrint string       `json:"key_print,omitempty"`
	Kinds    []kindHeader `json:"kinds"`
}

// kindHeader declares a kind of document whose documents follow, so that its fields can be read without knowing it.
type kindHeader struct {
	Name   string        `json:"name"`
	Fields []fieldHeader `json:"fields,omitempty"`
}

type fieldHeader struct {
	Name string `json:"name"`
	Type string `json:"type"` // string int bool time strings
}

// trailer is the archive's last line but one. The last one is the digest of every byte before it.
type trailer struct {
	FinishedAt time.Time `json:"finished_at"`
	Streams    int64     `json:"streams"`
	Commits    int64     `json:"commits"`
	Documents  int64     `json:"documents"`
	Heads      string    `json:"heads"` // digest over the end of every run of commits
}

// frame is one line of the compressed part; exactly one member is set. Those of a commit and of a document are followed by the bytes they
// announce, each with a newline behind it.
type frame struct {
	Section  *section  `json:"section,omitempty"`
	Commit   *commit   `json:"commit,omitempty"`
	Document *document `json:"document,omitempty"`
	Counted  *counted  `json:"counted,omitempty"`
}

// section begins a section.
type section struct {
	Name string `json:"name"`
	Kind string `json:"kind,omitempty"` // of documents
}

// counted ends a section.
type counted struct {
	Streams   int64 `json:"streams"`
	Commits   int64 `json:"commits"`
	Documents int64 `json:"documents"`
}

type commit struct {
	Stream     string     `json:"stream"`
	Seq        int64      `json:"seq"`
	ID         string     `json:"id"`
	RecordedAt time.Time  `json:"recorded_at"`
	Prev       hexBytes   `json:"prev,omitempty"`
	Hash       hexBytes   `json:"hash"`
	Key        hexBytes   `json:"key,omitempty"`
	Pending    store.Debt `json:"pending"`
	Body       int        `json:"body"`               // bytes that follow
	Detached   int        `json:"detached,omitempty"` // bytes that follow those
}

type document struct {
	ID      string                     `json:"id"`
	Version int64                      `json:"version"`
	Index   map[string]json.RawMessage `json:"index,omitempty"`
	Body    int                        `json:"body"` // bytes that follow
}

// hexBytes are bytes as records write them in their bodies, which lets the compression find the one in the other.
type hexBytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}

var typeNames = map[store.FieldType]string{
	store.String: "string", store.Int: "int", store.Bool: "bool", store.Time: "time", store.Strings: "strings",
}

func kindHeaderOf(k store.Kind) kindHeader {
	h := kindHeader{Name: k.Name}
	for _, f := range k.Fields {
		h.Fields = append(h.Fields, fieldHeader{f.Name, typeNames[f.Type]})
	}
	return h
}

func (h kindHeader) typeOf(field string) string {
	for _, f := range h.Fields {
		if f.Name == field {
			return f.Type
		}
	}
	return ""
}

// fieldText gives the value of a declared field as archives hold it.
func fieldText(v any) (json.RawMessage, error) {
	if t, ok := v.(time.Time); ok {
		v = t.UTC()
	}
	return json.Marshal(v)
}

// fieldValue reads the value of a field of the named type.
func fieldValue(typ string, text json.RawMessage) (v any, err error) {
	switch typ {
	case "string":
		v, err = valueOf[string](text)
	case "int":
		v, err = valueOf[int64](text)
	case "bool":
		v, err = valueOf[bool](text)
	case "time":
		v, err = valueOf[time.Time](text)
	case "strings":
		v, err = valueOf[[]string](text)
	default:
		return nil, fmt.Errorf("of an unknown type %q", typ)
	}
	return v, err
}

func valueOf[T any](text json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(text, &v)
	return v, err
}

// Summary is what an archive holds, and what became of it.
type Summary struct {
	Format     int
	TakenAt    time.Time // everything accepted before this instant is in it
	FinishedAt time.Time
	Version    string // of the Landfall that wrote it
	Epoch      int64  // of the store it was taken from
	KeyPrint   string // fingerprint of the key that its secrets are sealed with; "" when unknown
	Streams    int64
	Commits    int64 // of which Since were recorded while the backup was running
	Since      int64
	Documents  int64
	Bytes      int64  // length of the archive
	Heads      string // hexadecimal digest over where each stream ends: two archives of the same records have the same
	SHA256     string // hexadecimal, over the whole archive but its last line

	RestoredEpoch int64    // after Restore: the epoch of the store that was made
	Warnings      []string // what was left out and why, in words
	Damaged       []string // records that were damaged in the store already, the first maxDamaged of them
}

// maxDamaged bounds how many damaged records are named.
const maxDamaged = 20
