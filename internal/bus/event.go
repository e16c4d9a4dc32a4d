package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"landfall/internal/fault"
)

// EventContentType is the media type of an encoded Event: CloudEvents 1.0, JSON format 1.0, structured mode.
const EventContentType = "application/cloudevents+json"

// Event is what lies in the body of a message: one CloudEvents 1.0 event in structured JSON (CloudEvents 1.0.2 section
// 3, JSON format 1.0.2 section 3). Encode writes its members in the order of the fields.
type Event struct {
	ID            string          // <commit id>-<n>; the id of the message too
	Source        string          // URI reference of the node that accepted the change
	Type          string          // landfall.<noun>.<verb>.v1; EventType builds it
	Subject       string          // the stream, e.g. incident/<id>
	Time          time.Time       // when the change was recorded
	Exercise      bool            // extension `exercise`
	Origin        string          // extension `origin`: ISO 3166-1 alpha-3 of the incident's origin; empty: absent
	StreamVersion int64           // extension `streamversion`: seq of the commit in its stream; 0: absent
	Data          json.RawMessage // one JSON object
}

const typePrefix = "landfall."

// EventType gives the CloudEvents type of an event type of the ledger, `noun.verb.v1`.
func EventType(eventType string) string { return typePrefix + eventType }

// envelope fixes names and order of the members. Extension names are lower-case letters and digits (CloudEvents 1.0.2 section 3.1).
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            *time.Time      `json:"time,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Exercise        bool            `json:"exercise"`
	Origin          string          `json:"origin,omitempty"`
	StreamVersion   int64           `json:"streamversion,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// Encode gives the event as JSON, the same bytes for the same event. An event that Decode would refuse is refused here too,
// with a fault of kind Invalid.
func Encode(e Event) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	at := e.Time.UTC()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(envelope{
		SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: &at,
		DataContentType: "application/json", Exercise: e.Exercise, Origin: e.Origin, StreamVersion: e.StreamVersion, Data: e.Data,
	})
	if err != nil {
		return nil, badEvent(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// Decode reads what Encode wrote, and what a later version may write: extensions it does not know are ignored. It
// refuses, with a fault of kind Invalid, another spec version, a missing id, source, type, subject or time, a type that is
// not Landfall's, data that is not a JSON object, binary data, attribute names CloudEvents does not allow, and bytes after
// the event.
func Decode(body []byte) (Event, error) {
	var names map[string]json.RawMessage
	if err := json.Unmarshal(body, &names); err != nil {
		return Event{}, badEvent(err)
	}
	for name := range names {
		if !attributeName(name) {
			return Event{}, badEvent(fmt.Errorf("attribute name %.40q", name))
		}
	}
	var in envelope
	if err := json.Unmarshal(body, &in); err != nil {
		return Event{}, badEvent(err)
	}
	switch {
	case in.SpecVersion != "1.0":
		return Event{}, badEvent(fmt.Errorf("specversion %.40q", in.SpecVersion))
	case in.DataContentType != "" && in.DataContentType != "application/json":
		return Event{}, badEvent(fmt.Errorf("datacontenttype %.40q", in.DataContentType))
	case in.Time == nil:
		return Event{}, badEvent(errors.New("no time"))
	}
	e := Event{
		ID: in.ID, Source: in.Source, Type: in.Type, Subject: in.Subject, Time: in.Time.UTC(),
		Exercise: in.Exercise, Origin: in.Origin, StreamVersion: in.StreamVersion, Data: in.Data,
	}
	return e, e.check()
}

func (e Event) check() error {
	data := bytes.TrimSpace(e.Data)
	switch {
	case e.ID == "" || e.Source == "" || e.Subject == "":
		return badEvent(errors.New("id, source or subject is empty"))
	case len(e.Type) <= len(typePrefix) || e.Type[:len(typePrefix)] != typePrefix:
		return badEvent(fmt.Errorf("type %.80q", e.Type))
	case e.Time.IsZero():
		return badEvent(errors.New("no time"))
	case e.StreamVersion < 0 || e.StreamVersion > math.MaxInt32: // an Integer of CloudEvents 1.0.2 section 2.1
		return badEvent(fmt.Errorf("streamversion %d", e.StreamVersion))
	case len(data) == 0 || data[0] != '{' || !json.Valid(data):
		return badEvent(errors.New("data is not a JSON object"))
	}
	return nil
}

func attributeName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

func badEvent(cause error) error {
	return fault.Wrap(cause, fault.Invalid, "bad_event", "The message is not an event of Landfall.")
}
