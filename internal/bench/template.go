package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"

	"landfall/internal/app"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// template is some streams that Landfall wrote, with their documents, prepared to be written again under other identities. Every
// UUID that is not of a stream outside, the incident's code, the digests of detached values and the hashes are replaced, so that a copy verifies as
// its original does. Times and words stay.
type template struct {
	ids     int // identities to make for each copy
	code    string
	streams [][]templateCommit
	docs    []templateDoc
}

type templateCommit struct {
	store.Commit
	stream, id, body, detached text
	values                     []templateValue
	hash                       int // slot of this commit's hash
}

// templateValue is a detached value: its digest is in the body.
type templateValue struct {
	salt  []byte
	value text
	slot  int
}

type templateDoc struct {
	kind     string
	version  int64
	id, body text
	index    map[string]any
	words    map[string]text // fields of index that are replaced
}

// text is literal parts with slots between them: parts[0] slots[0] parts[1] ...
type text struct {
	parts []string
	slots []int
}

func (t text) fill(values []string) string {
	if len(t.slots) == 0 {
		return t.parts[0]
	}
	var b strings.Builder
	for i, slot := range t.slots {
		b.WriteString(t.parts[i])
		b.WriteString(values[slot])
	}
	b.WriteString(t.parts[len(t.slots)])
	return b.String()
}

// cutter cuts texts at the tokens it knows.
type cutter struct {
	slots map[string]int
	find  *regexp.Regexp
}

func newCutter(slots map[string]int) *cutter {
	var words []string
	for w := range slots {
		words = append(words, regexp.QuoteMeta(w))
	}
	return &cutter{slots: slots, find: regexp.MustCompile(strings.Join(words, "|"))}
}

func (c *cutter) cut(s string) text {
	var t text
	at := 0
	for _, m := range c.find.FindAllStringIndex(s, -1) {
		t.parts = append(t.parts, s[at:m[0]])
		t.slots = append(t.slots, c.slots[s[m[0]:m[1]]])
		at = m[1]
	}
	t.parts = append(t.parts, s[at:])
	return t
}

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// takeTemplate reads an incident, and with alerts what was raised for it, from records that are at rest.
func takeTemplate(ctx context.Context, st store.Store, id string, alerts bool) (*template, error) {
	mine := map[string]bool{string(ledger.StreamOf(incident.Noun, id)): true}
	if alerts {
		page, err := st.Find(ctx, store.Query{Kind: "alert", Index: "incident", Equal: []any{id}, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Docs {
			mine["alert/"+d.ID] = true
		}
	}
	all, err := st.Streams(ctx, "", "", 10_000)
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	for _, name := range all {
		if !mine[name] {
			others[ledger.Stream(name).ID()] = true
		}
	}

	t := &template{}
	slots := map[string]int{}
	read := map[string][]store.Commit{}
	for name := range mine {
		if read[name], err = st.ReadStream(ctx, name, 0, 0); err != nil {
			return nil, err
		}
		for _, c := range read[name] {
			for _, u := range anyUUID.FindAllString(string(c.Body)+string(c.Detached), -1) {
				if _, known := slots[u]; !known && !others[u] {
					slots[u] = len(slots)
				}
			}
		}
	}
	t.ids = len(slots)
	docs, err := t.findDocs(ctx, st, slots, mine)
	if err != nil {
		return nil, err
	}
	slots[t.code] = t.ids
	slots[strings.ToLower(t.code)] = t.ids + 1
	for _, commits := range read {
		for _, c := range commits {
			slots[hex.EncodeToString(c.Hash)] = len(slots)
			var e struct {
				Detached map[string]string `json:"detached"`
			}
			if err := json.Unmarshal(c.Body, &e); err != nil {
				return nil, err
			}
			for _, digest := range e.Detached {
				slots[digest] = len(slots)
			}
		}
	}

	cutter := newCutter(slots)
	// The incident first: alerts name its events.
	for _, name := range slices.SortedFunc(maps.Keys(read), func(a, b string) int { return strings.Compare(b, a) }) {
		var stream []templateCommit
		for _, c := range read[name] {
			made, err := prepare(c, cutter)
			if err != nil {
				return nil, err
			}
			stream = append(stream, made)
		}
		t.streams = append(t.streams, stream)
	}
	for _, d := range docs {
		words := map[string]text{}
		for name, v := range d.Index {
			if s, ok := v.(string); ok {
				words[name] = cutter.cut(s)
			}
		}
		t.docs = append(t.docs, templateDoc{kind: d.kind, version: d.Version, id: cutter.cut(d.ID), body: cutter.cut(string(d.Body)), index: d.Index, words: words})
	}
	return t, nil
}

type kindDoc struct {
	kind string
	store.Doc
}

// findDocs gives the documents of the streams, and notes the incident's code.
func (t *template) findDocs(ctx context.Context, st store.Store, slots map[string]int, mine map[string]bool) (docs []kindDoc, err error) {
	for _, k := range app.Kinds() {
		if !k.Derived && k.Name != incident.KindCode || k.Name == ledger.KindSnapshot {
			continue
		}
		page, err := st.Find(ctx, store.Query{Kind: k.Name, Limit: 10_000})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Docs {
			_, ours := slots[d.ID]
			if k.Name == incident.KindCode {
				if id := anyUUID.FindString(string(d.Body)); mine["incident/"+id] {
					t.code, ours = d.ID, true
				}
			}
			if ours || mine[d.ID] {
				docs = append(docs, kindDoc{k.Name, d})
			}
		}
	}
	return docs, nil
}

func prepare(c store.Commit, cutter *cutter) (templateCommit, error) {
	out := templateCommit{
		Commit: c, stream: cutter.cut(c.Stream), id: cutter.cut(c.ID), body: cutter.cut(string(c.Body)), hash: cutter.slots[hex.EncodeToString(c.Hash)],
	}
	if len(c.Detached) == 0 {
		return out, nil
	}
	out.detached = cutter.cut(string(c.Detached))
	var secrets map[string]struct{ Salt, Value string }
	var e struct {
		Detached map[string]string `json:"detached"`
	}
	if err := json.Unmarshal(c.Detached, &secrets); err != nil {
		return out, err
	}
	if err := json.Unmarshal(c.Body, &e); err != nil {
		return out, err
	}
	for name, s := range secrets {
		salt, err := base64.StdEncoding.DecodeString(s.Salt)
		if err != nil {
			return out, err
		}
		out.values = append(out.values, templateValue{salt: salt, value: cutter.cut(s.Value), slot: cutter.slots[e.Detached[name]]})
	}
	return out, nil
}

// copies numbers the copies of a run, for codes that nobody has.
var copies atomic.Int64

const codeSigns = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// another gives one more copy: its commits stream by stream, and its documents.
func (t *template) another() (id string, streams [][]store.Commit, ops []store.Op, err error) {
	values := make([]string, t.slotCount())
	for i := range t.ids {
		values[i] = uuid.Must(uuid.NewV7()).String()
	}
	values[t.ids] = t.newCode()
	values[t.ids+1] = strings.ToLower(values[t.ids])
	for _, stream := range t.streams {
		var commits []store.Commit
		var prev []byte
		for _, c := range stream {
			for _, v := range c.values {
				sum := sha256.Sum256(append(slices.Clone(v.salt), v.value.fill(values)...))
				values[v.slot] = hex.EncodeToString(sum[:])
			}
			made := c.Commit
			made.Stream, made.ID, made.Body, made.Prev, made.Pending = c.stream.fill(values), c.id.fill(values), []byte(c.body.fill(values)), prev, 0
			if len(c.Detached) > 0 {
				made.Detached = []byte(c.detached.fill(values))
			}
			sum := sha256.Sum256(made.Body)
			made.Hash, prev = sum[:], sum[:]
			values[c.hash] = hex.EncodeToString(sum[:])
			commits = append(commits, made)
		}
		streams = append(streams, commits)
	}
	for _, d := range t.docs {
		index := maps.Clone(d.index)
		for name, w := range d.words {
			index[name] = w.fill(values)
		}
		ops = append(ops, store.Op{Do: store.OpInsert, Kind: d.kind, Doc: store.Doc{ID: d.id.fill(values), Version: d.version, Body: []byte(d.body.fill(values)), Index: index}})
	}
	if len(streams) == 0 || len(streams[0]) == 0 {
		return "", nil, nil, fmt.Errorf("an empty template")
	}
	return ledger.Stream(streams[0][0].Stream).ID(), streams, ops, nil
}

func (t *template) newCode() string {
	n := copies.Add(1)
	signs := make([]byte, 5)
	for i := range signs {
		signs[i] = codeSigns[n%int64(len(codeSigns))]
		n /= int64(len(codeSigns))
	}
	at := strings.LastIndexByte(t.code, '-')
	return t.code[:at+1] + string(signs)
}

// slotCount gives how many slots the texts name.
func (t *template) slotCount() int {
	most := t.ids + 1
	for _, s := range t.streams {
		for _, c := range s {
			most = max(most, c.hash)
			for _, v := range c.values {
				most = max(most, v.slot)
			}
		}
	}
	return most + 1
}
