package bus_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"landfall/internal/bus"
	"landfall/internal/fault"
)

func overdue() bus.Event {
	return bus.Event{
		ID: "01991f2e-0000-7000-8000-000000000001-0", Source: "https://landfall.example/", Type: bus.EventType("step.overdue.v1"),
		Subject: "incident/01991f2e", Time: time.Date(2017, 9, 18, 21, 15, 0, 123456000, time.FixedZone("AST", -4*3600)),
		Exercise: true, Origin: "DMA", StreamVersion: 17, Data: json.RawMessage(`{"step":{"code":"HUR-05"},"title":"Maria <é>"}`),
	}
}

const overdueJSON = `{"specversion":"1.0","id":"01991f2e-0000-7000-8000-000000000001-0","source":"https://landfall.example/",` +
	`"type":"landfall.step.overdue.v1","subject":"incident/01991f2e","time":"2017-09-19T01:15:00.123456Z",` +
	`"datacontenttype":"application/json","exercise":true,"origin":"DMA","streamversion":17,` +
	`"data":{"step":{"code":"HUR-05"},"title":"Maria <é>"}}`

func TestAnEventIsACloudEventInStructuredJSON(t *testing.T) {
	body, err := bus.Encode(overdue())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(overdueJSON, string(body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEventIsReadAsItWasWritten(t *testing.T) {
	word := rapid.StringMatching(`[a-zA-Z0-9/_-]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		data, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "data"))
		if err != nil {
			t.Fatal(err)
		}
		want := bus.Event{
			ID: word.Draw(t, "id"), Source: word.Draw(t, "source"), Type: bus.EventType(word.Draw(t, "type")), Subject: word.Draw(t, "subject"),
			Time:     time.UnixMicro(rapid.Int64Range(1, 4e15).Draw(t, "time")).UTC(),
			Exercise: rapid.Bool().Draw(t, "exercise"), Origin: rapid.StringMatching(`([A-Z]{3})?`).Draw(t, "origin"),
			StreamVersion: int64(rapid.Int32Min(0).Draw(t, "version")),
		}
		want.Data = data
		body, err := bus.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		again, err := bus.Encode(want)
		if err != nil || string(again) != string(body) {
			t.Fatalf("encoded twice: %s and %s (%v)", body, again, err)
		}
		got, err := bus.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		var wantData, gotData map[string]string // JSON may write one string in several ways
		if json.Unmarshal(want.Data, &wantData) != nil || json.Unmarshal(got.Data, &gotData) != nil {
			t.Fatal("data is not what it was")
		}
		want.Data, got.Data = nil, nil
		if diff := cmp.Diff(want, got) + cmp.Diff(wantData, gotData); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestDecodeRefusesWhatIsNoEventOfLandfall(t *testing.T) {
	edit := func(old, new string) string {
		if !strings.Contains(overdueJSON, old) {
			t.Fatalf("no %q to edit", old)
		}
		return strings.Replace(overdueJSON, old, new, 1)
	}
	for name, body := range map[string]string{
		"nothing":           "",
		"no object":         "[]",
		"null":              "null",
		"cut":               overdueJSON[:100],
		"bytes after":       overdueJSON + "{}",
		"spec version":      edit(`"1.0"`, `"0.3"`),
		"no id":             edit(`"id":"01991f2e-0000-7000-8000-000000000001-0",`, ``),
		"empty id":          edit(`01991f2e-0000-7000-8000-000000000001-0`, ``),
		"id is a number":    edit(`"01991f2e-0000-7000-8000-000000000001-0"`, `7`),
		"no source":         edit(`"source":"https://landfall.example/",`, ``),
		"foreign type":      edit(`landfall.step`, `com.example.step`),
		"no subject":        edit(`"subject":"incident/01991f2e",`, ``),
		"no time":           edit(`"time":"2017-09-19T01:15:00.123456Z",`, ``),
		"bad time":          edit(`2017-09-19T`, `2017-19-19T`),
		"content type":      edit(`application/json`, `text/plain`),
		"version negative":  edit(`17`, `-1`),
		"version too large": edit(`17`, `4294967296`),
		"data is a list":    edit(`{"step":{"code":"HUR-05"},"title":"Maria <é>"}`, `[]`),
		"no data":           edit(`,"data":{"step":{"code":"HUR-05"},"title":"Maria <é>"}`, ``),
		"binary data":       edit(`"data":`, `"data_base64":`),
		"upper-case name":   edit(`"origin"`, `"Origin"`),
	} {
		if _, err := bus.Decode([]byte(body)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeIgnoresExtensionsOfALaterVersion(t *testing.T) {
	later := strings.Replace(overdueJSON, `"exercise"`, `"epoch":3,"exercise"`, 1)
	got, err := bus.Decode([]byte(later))
	if err != nil || got.StreamVersion != 17 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(overdueJSON))
	f.Add([]byte(`{"specversion":"1.0","data":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := bus.Decode(body)
		if err != nil {
			return
		}
		if _, err := bus.Encode(e); err != nil {
			t.Errorf("decoded and not encodable: %v", err)
		}
	})
}
