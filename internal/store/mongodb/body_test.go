package mongodb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"landfall/internal/store"
)

// value reads JSON without losing anything: numbers stay as they are written.
func exact(t interface{ Fatalf(string, ...any) }, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

var sameNumber = cmp.Comparer(func(a, b json.Number) bool { return decimal(a.String()) == decimal(b.String()) })

func TestEveryJSONObjectComesBackAsTheSameValue(t *testing.T) {
	names := rapid.OneOf(rapid.SampledFrom([]string{"", "$", "$x", "a.b", ".", "%", "%2E", "%json", "%number", "_id", "a\x00b", "é", "title"}), rapid.StringN(0, 6, -1))
	var object func(depth int) *rapid.Generator[string]
	number := rapid.OneOf(
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.Float64(), func(f float64) string { b, _ := json.Marshal(f); return string(b) }),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?`),
		rapid.SampledFrom([]string{"-0", "0.0", "-0.0e5", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "0.1", "0.10", "1e400", "1E-400", "1e99999999999999999999", "100e-2"}),
	)
	text := rapid.Map(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x00", "\u2028", "<&>", "🌀", `"\`})), func(s string) string { b, _ := json.Marshal(s); return string(b) })
	any_ := func(depth int) *rapid.Generator[string] {
		plain := rapid.OneOf(number, text, rapid.SampledFrom([]string{"true", "false", "null", "[]", "{}", ` { } `, `"\ud83c\udf00"`, `"\ud83c"`}))
		if depth == 0 {
			return plain
		}
		return rapid.OneOf(plain, rapid.Deferred(func() *rapid.Generator[string] { return object(depth - 1) }),
			rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[string] { return object(depth - 1) }), 0, 3), func(list []string) string {
				return "[" + strings.Join(list, " ,\n") + "]"
			}))
	}
	object = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			var members []string
			for range rapid.IntRange(0, 20).Draw(t, "members") {
				name, _ := json.Marshal(names.Draw(t, "name"))
				members = append(members, fmt.Sprintf("\t%s : %s", name, any_(depth).Draw(t, "value")))
			}
			return "{" + strings.Join(members, ",") + "}"
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		in := []byte(object(2).Draw(rt, "body"))
		doc, err := encodeBody(in)
		if err != nil {
			rt.Fatalf("%s: %v", in, err)
		}
		if err := doc.Validate(); err != nil {
			rt.Fatalf("%s became no BSON: %v", in, err)
		}
		out, err := decodeBody(doc)
		if err != nil {
			rt.Fatalf("%s: %v", in, err)
		}
		if d := cmp.Diff(exact(rt, in), exact(rt, out), sameNumber); d != "" {
			rt.Fatalf("%s came back as %s\n%s", in, out, d)
		}
	})
}

func TestABodyIsNativeWhereItCanBe(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"n":1,"big":9223372036854775807,"half":0.5,"whole":1.0,"list":[1,"a",null,{"x":true}]}`,
			`{"n":{"$numberLong":"1"},"big":{"$numberLong":"9223372036854775807"},"half":{"$numberDouble":"0.5"},"whole":{"$numberDouble":"1.0"},"list":[{"$numberLong":"1"},"a",null,{"x":true}]}`},
		{`{"huge":12345678901234567890,"fine":0.1234567890123456789}`, `{"huge":{"%number":"12345678901234567890"},"fine":{"%number":"0.1234567890123456789"}}`},
		{`{"$set":1,"step.overdue":2,"":3,"100%":4,"a$":5}`,
			`{"%24set":{"$numberLong":"1"},"step%2Eoverdue":{"$numberLong":"2"},"%":{"$numberLong":"3"},"100%25":{"$numberLong":"4"},"a$":{"$numberLong":"5"}}`},
		{`{"a":1,"b":2,"a":3}`, `{"b":{"$numberLong":"2"},"a":{"$numberLong":"3"}}`},
	} {
		doc, err := encodeBody([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := bson.MarshalExtJSON(doc, true, false)
		if err != nil || string(got) != c.want {
			t.Errorf("%s is kept as\n%s, want\n%s (%v)", c.in, got, c.want, err)
		}
	}
}

func TestAnObjectNestedDeeperThanServersGoIsKeptAsText(t *testing.T) {
	for _, depth := range []int{maxDepth - 1, maxDepth, maxDepth + 1, 5000} {
		in := []byte(strings.Repeat(`{"a":[`, depth/2) + strings.Repeat(`]}`, depth/2))
		doc, err := encodeBody(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, text := only(doc, jsonName); text != (depth/2*2 > maxDepth) {
			t.Errorf("depth %d: text %v", depth, text)
		}
		if out, err := decodeBody(doc); err != nil || !bytes.Equal(in, out) {
			t.Errorf("depth %d came back as %.100s, %v", depth, out, err)
		}
	}
}

func TestWhatIsNoJSONObjectIsRefused(t *testing.T) {
	for _, in := range []string{"", " ", "[]", "1", `"a"`, "{", `{"a"}`, `{"a":01}`, `{"a":1}x`, `{a:1}`, "{\"a\":\"\n\"}", `{"a":tru}`} {
		if doc, err := encodeBody([]byte(in)); !errors.Is(err, store.ErrBadQuery) {
			t.Errorf("%q: %v, %v", in, doc, err)
		}
	}
}

// What a person typed into a database tool is read where JSON has it, and refused in words where it has not.
func TestABodyThatAPersonChanged(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string // "" is refused
	}{{int32(7), `{"a":7}`}, {bson.NewObjectID(), ""}, {bson.DateTime(0), ""}, {bson.D{{Key: "%2", Value: 1}}, ""}, {bson.D{{Key: "%number", Value: "no"}}, ""}} {
		raw, err := bson.Marshal(bson.D{{Key: "a", Value: c.value}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeBody(raw)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: %s, %v", c.value, got, err)
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add(`{"a":[1,2.50,{"b":null}],"$":"\u0000","a":1e3}`)
	f.Fuzz(func(t *testing.T, in string) {
		doc, err := encodeBody([]byte(in))
		if err != nil {
			var object map[string]any
			if json.Valid([]byte(in)) && json.Unmarshal([]byte(in), &object) == nil && object != nil {
				t.Fatalf("%q is a JSON object: %v", in, err)
			}
			return
		}
		out, err := decodeBody(doc)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if d := cmp.Diff(exact(t, []byte(in)), exact(t, out), sameNumber); d != "" {
			t.Fatalf("%q came back as %s\n%s", in, out, d)
		}
	})
}
