package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Note is an event as the processes of this service tell it one another over the bus: in the bytes that receivers get, with what a notifier
// must know besides.
type Note struct {
	ledger.Announcement
	Body []byte // the CloudEvents event
	noteHead
}

// noteHead says how a note is to be taken.
type noteHead struct {
	Types  string `json:"types"`          // digest of the event types that its sender knows
	Events int    `json:"events"`         // how many events its commit announces
	N      int    `json:"n"`              // which of them this is, from 1
	Told   bool   `json:"told,omitempty"` // its sender sees to its commit: notifiers pass it over, and copies go only to states that may read of it now
	Log    bool   `json:"log,omitempty"`  // the event is too large for the bus and is read from the log
}

// noteNotice is the part of a note that no receiver gets.
type noteNotice struct {
	noteHead
	*ledger.Announcement
}

// NotesOf gives what a commit announces as notes of a process that knows the event types of the digest.
func NotesOf(source, types string, announced []ledger.Announcement, told bool) []Note {
	notes := make([]Note, len(announced))
	for i, a := range announced {
		notes[i] = Note{Announcement: a, Body: RenderEvent(source, a), noteHead: noteHead{Types: types, Events: len(announced), N: i + 1, Told: told}}
	}
	return notes
}

// Notice gives the part that no receiver gets, on one line.
func (n Note) Notice() []byte { return mustJSON(noteNotice{n.noteHead, &n.Announcement}) }

// Short gives what stands in for body and notice where they are too large: a reference to the log.
func (n Note) Short(source string) (body, notice []byte) {
	a := n.Announcement
	a.Data, a.Alerts, a.Closes, a.Targets = nil, nil, nil, nil
	n.Log = true
	return RenderEvent(source, a), mustJSON(noteNotice{n.noteHead, &a})
}

// ReadNote reads what was sent as body and notice. Errors are mistakes: what is read here was sealed by a process of this service.
func ReadNote(body, notice []byte) (Note, error) {
	n := Note{Body: body}
	part := noteNotice{Announcement: &n.Announcement}
	if err := json.Unmarshal(notice, &part); err != nil {
		return n, fmt.Errorf("the notice of a message: %w", err)
	}
	n.noteHead = part.noteHead
	var e cloudEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return n, fmt.Errorf("the event of a message: %w", err)
	}
	eventType, ours := strings.CutPrefix(e.Type, cloudType(""))
	if !ours || e.ID == "" || e.Subject == "" || e.StreamVersion < 1 {
		return n, errors.New("the event of a message is none of ours")
	}
	n.EventID, n.Type, n.Stream, n.Seq = e.ID, eventType, ledger.Stream(e.Subject), e.StreamVersion
	n.At, n.Exercise, n.Origin, n.Data = e.Time, e.Exercise, e.Origin, e.Data
	return n, nil
}

// Ref names the commit that announces the note.
func (n Note) Ref() store.Ref { return store.Ref{Stream: string(n.Stream), Seq: n.Seq} }
