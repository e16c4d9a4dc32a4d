package notify

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"landfall/internal/ledger"
)

// EventContentType is the media type of a rendered event: CloudEvents 1.0, JSON format, structured mode.
const EventContentType = "application/cloudevents+json"

// DefaultSource is the CloudEvents source of a node that was given no other.
const DefaultSource = "urn:landfall"

// cloudEvent fixes the names and the order of what receivers get (CloudEvents 1.0.2, JSON format 1.0.2). It is a type of its own so
// that no change inside can change what is sent.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Exercise        bool            `json:"exercise"`
	Origin          string          `json:"origin,omitempty"`
	StreamVersion   int64           `json:"streamversion,omitempty"`
	Data            json.RawMessage `json:"data"`
}

// RenderEvent gives the CloudEvents event of an announcement, the same bytes for the same announcement whoever renders it and
// whenever. Extensions: exercise, origin (ISO 3166-1 alpha-3 of the affected state), streamversion (order within the subject).
func RenderEvent(source string, a ledger.Announcement) []byte {
	data := a.Data
	if len(data) == 0 {
		data = json.RawMessage(`{}`)
	}
	return mustJSON(cloudEvent{
		SpecVersion: "1.0", ID: a.EventID, Source: source, Type: cloudType(a.Type), Subject: string(a.Stream), Time: a.At.UTC(),
		DataContentType: "application/json", Exercise: a.Exercise, Origin: a.Origin, StreamVersion: a.Seq, Data: data,
	})
}

// cloudType gives the CloudEvents type of an event type of the ledger.
func cloudType(eventType string) string { return "landfall." + eventType }

// kindOf gives the noun and verb of an event type: "step.overdue" of "step.overdue.v1".
func kindOf(eventType string) string {
	if i := strings.LastIndex(eventType, ".v"); i > 0 {
		return eventType[:i]
	}
	return eventType
}

// mustJSON marshals without HTML escaping. It is used for plain structs of this package, whose only variable parts are
// texts, times and JSON that was valid when it was recorded; anything else is a bug.
func mustJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("notify: cannot be written as JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
