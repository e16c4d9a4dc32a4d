package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"landfall/internal/fault"
)

func TestTheGateRefusesWhatLibrariesLetThrough(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, code, pointer string }{
		{"nothing", "", "body_required", ""},
		{"only space", " \n\t ", "body_required", ""},
		{"bad UTF-8", "{\"a\":\"\xff\"}", "not_utf8", ""},
		{"an overlong encoding", "{\"a\":\"\xc0\xaf\"}", "not_utf8", ""},
		{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", "not_utf8", ""},
		{"a byte order mark", "\ufeff{}", "byte_order_mark", ""},
		{"a member twice", `{"a":1,"a":1}`, "duplicate_member", "/a"},
		{"a member twice, written otherwise", `{"a":1,"\u0061":2}`, "duplicate_member", "/a"},
		{"a member twice, deep down", `{"x":[{"y":{}},{"y":{"k":1,"k":2}}]}`, "duplicate_member", "/x/1/y/k"},
		{"a member twice, with signs that a pointer escapes", `{"a/b~":{"c":1,"c":1}}`, "duplicate_member", "/a~1b~0/c"},
		{"33 levels", nested(33), "too_deep", strings.Repeat("/0", 32)},
		{"100,000 levels", nested(100_000), "too_deep", strings.Repeat("/0", 32)},
		{"100,000 objects in each other", strings.Repeat(`{"a":`, 100_000), "too_deep", strings.Repeat("/a", 32)},
		{"100,000 values", "[" + strings.Repeat("1,", 99_999) + "1]", "too_many_values", ""},
		{"a raw control character", "{\"a\":\"x\x01\"}", "malformed_json", "/a"},
		{"a raw line feed", "{\"a\":\"x\ny\"}", "malformed_json", "/a"},
		{"an escaped control character", `{"a":"x\u0000"}`, "control_character", "/a"},
		{"an escaped C1 control character", `{"a":"x\u0085"}`, "control_character", "/a"},
		{"delete", "{\"a\":\"x\u007f\"}", "control_character", "/a"},
		{"a control character in a name", `{"\u0007":1}`, "control_character", ""},
		{"half a pair", `{"a":"\ud83d"}`, "malformed_json", "/a"},
		{"half a pair, then another escape", `{"a":"\ud83d\n"}`, "malformed_json", "/a"},
		{"two first halves", `{"a":"\ud83d\ud83d"}`, "malformed_json", "/a"},
		{"a second half alone", `{"a":"\ude00"}`, "malformed_json", "/a"},
		{"an escape of no character", `{"a":"\u12g4"}`, "malformed_json", "/a"},
		{"an escape that JSON does not know", `{"a":"\x41"}`, "malformed_json", "/a"},
		{"a number that overflows", `{"a":1e400}`, "number_too_large", "/a"},
		{"a leading zero", `{"a":01}`, "malformed_json", ""},
		{"a leading plus", `{"a":+1}`, "malformed_json", "/a"},
		{"not a number", `{"a":NaN}`, "malformed_json", "/a"},
		{"an open fraction", `{"a":1.}`, "malformed_json", "/a"},
		{"an open exponent", `{"a":1e}`, "malformed_json", "/a"},
		{"something after it", `{} {}`, "malformed_json", ""},
		{"a comment", `{/* hello */}`, "malformed_json", ""},
		{"a trailing comma", `{"a":1,}`, "malformed_json", ""},
		{"a trailing comma in a list", `[1,]`, "malformed_json", "/1"},
		{"single quotes", `{'a':1}`, "malformed_json", ""},
		{"no end", `{"a":"`, "malformed_json", "/a"},
		{"no end after an escape", `{"a":"\`, "malformed_json", "/a"},
		{"no value", `{"a":}`, "malformed_json", "/a"},
		{"no colon", `{"a" 1}`, "malformed_json", "/a"},
		{"a word", `{"a":tru}`, "malformed_json", "/a"},
		{"a zero byte", "{}\x00", "malformed_json", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := admit([]byte(c.body))
			f, ok := fault.As(err)
			if !ok || f.Kind != fault.Invalid || f.Code != c.code || len(f.Fields) != 1 || f.Fields[0].Pointer != c.pointer {
				t.Errorf("refused with %v, want %s at %q", err, c.code, c.pointer)
			}
		})
	}
}

func TestTheGateAdmitsWhatIsMeantWell(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `[]`, ` {"a" : [ ] } `, `"x"`, `-0`, `1e300`, `-12.5E-3`, `true`, `null`, nested(32),
		`{"note":"first\nsecond\tthird \"quoted\" \\ \/"}`, `{"name":"Kwéyòl \u00e9 \ud83d\ude00 日本"}`, `{"":1}`,
	} {
		got, err := admit([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if want := viaLibrary(t, []byte(body)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as %#v, want %#v", body, got, want)
		}
	}
}

func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

func viaLibrary(t *testing.T, body []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}

// FuzzGate: what the gate admits, the library reads as the same value, with no member twice; what it refuses it refuses with a
// fault of kind Invalid that points somewhere.
func FuzzGate(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-3e2,true,null,"x\n\u00e9\ud83d\ude00"]}`, `{"a":1,"a":2}`, nested(40), "\ufeff{}", `{"a":"\ud83d"}`, "[" + strings.Repeat(`{"k":`, 20),
		`[1,]`, `{"a":1e999}`, "\"\x7f\"", `  {"x":{"y":{"z":[]}}}  `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := admit(body)
		if err != nil {
			refusal, ok := fault.As(err)
			if !ok || refusal.Kind != fault.Invalid || len(refusal.Fields) != 1 {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if want := viaLibrary(t, body); !reflect.DeepEqual(got, want) {
			t.Fatalf("read as %#v, want %#v", got, want)
		}
		if twice := memberTwice(t, body); twice != "" {
			t.Fatalf("admitted though %s stands twice", twice)
		}
	})
}

// memberTwice looks for a repeated member with the library's own tokens.
func memberTwice(t *testing.T, body []byte) string {
	t.Helper()
	type level struct {
		object, name bool
		seen         map[string]bool
	}
	var levels []*level
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err == io.EOF {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			levels = levels[:len(levels)-1]
			continue
		}
		if n := len(levels); n > 0 && levels[n-1].object {
			top := levels[n-1]
			if top.name = !top.name; top.name {
				if top.seen[token.(string)] {
					return fmt.Sprint(token)
				}
				top.seen[token.(string)] = true
				continue
			}
		}
		if delim, ok := token.(json.Delim); ok {
			levels = append(levels, &level{object: delim == '{', seen: map[string]bool{}})
		}
	}
}
