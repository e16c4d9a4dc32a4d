package locale

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

//go:embed catalogue
var files embed.FS

// leaf is a thing of the catalogue that can be said: a Text, a Phrase, a Counted or Words.
type leaf interface{ said() bool }

// load reads the catalogue in every language and refuses one that is not complete.
func load(files fs.FS) (map[Language]*Catalogue, error) {
	all := map[Language]*Catalogue{}
	for _, l := range Languages() {
		c := new(Catalogue)
		if err := read(files, "catalogue/"+string(l)+".json", c); err != nil {
			return nil, err
		}
		if err := readPages(files, "catalogue/"+string(l), &c.Page); err != nil {
			return nil, err
		}
		if err := complete(reflect.ValueOf(c).Elem(), ""); err != nil {
			return nil, fmt.Errorf("%s: %w", l, err)
		}
		all[l] = c
	}
	return all, sameWords(reflect.ValueOf(all[EN]).Elem(), reflect.ValueOf(all[FR]).Elem(), "")
}

// before and after are where French sets a space that does not break: a line never begins with a colon. The files hold plain ones, which can be
// told apart by eye.
var (
	before = regexp.MustCompile(` ([:;?!»])`)
	after  = regexp.MustCompile(`« `)
)

// read reads one file.
func read(files fs.FS, name string, into any) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, "catalogue/"+string(FR)) {
		text = after.ReplaceAll(before.ReplaceAll(text, []byte("\u00a0$1")), []byte("«\u00a0"))
	}
	if err := twice(json.NewDecoder(bytes.NewReader(text)), ""); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// readPages reads the texts of pages: a file for each field of Page, and no other.
func readPages(files fs.FS, folder string, into *Page) error {
	v := reflect.ValueOf(into).Elem()
	known := map[string]bool{}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json") + ".json"
		known[name] = true
		if err := read(files, folder+"/"+name, v.Field(i).Addr().Interface()); err != nil {
			return err
		}
	}
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !known[e.Name()] {
			return fmt.Errorf("%s/%s belongs to nothing", folder, e.Name())
		}
	}
	return nil
}

// complete refuses a catalogue in which something is not said.
func complete(v reflect.Value, path string) error {
	if l, ok := v.Addr().Interface().(leaf); ok {
		if !l.said() {
			return fmt.Errorf("%s is missing", path)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Array:
		for i := range v.Len() {
			if err := complete(v.Index(i), fmt.Sprintf("%s/%d", path, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := complete(v.Field(i), path+"/"+v.Type().Field(i).Tag.Get("json")); err != nil {
				return err
			}
		}
	default:
		panic("locale: " + path + " is nothing that can be said")
	}
	return nil
}

// sameWords refuses a list of words that has a code in one language only.
func sameWords(a, b reflect.Value, path string) error {
	if words, ok := a.Interface().(Words); ok {
		codes, others := slices.Sorted(maps.Keys(words)), slices.Sorted(maps.Keys(b.Interface().(Words)))
		if !slices.Equal(codes, others) {
			only := func(x, y []string) []string {
				return slices.DeleteFunc(slices.Clone(x), func(code string) bool { return slices.Contains(y, code) })
			}
			return fmt.Errorf("%s: the codes differ: only in one %q, only in the other %q", path, only(codes, others), only(others, codes))
		}
		return nil
	}
	if _, ok := a.Addr().Interface().(leaf); ok || a.Kind() != reflect.Struct {
		return nil
	}
	for i := range a.NumField() {
		if err := sameWords(a.Field(i), b.Field(i), path+"/"+a.Type().Field(i).Tag.Get("json")); err != nil {
			return err
		}
	}
	return nil
}

// twice refuses an object that has a key twice, of which package json would take the last.
func twice(d *json.Decoder, path string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t == json.Delim('[') {
		for d.More() {
			if err := twice(d, path); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	}
	if t != json.Delim('{') {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return io.ErrUnexpectedEOF
		}
		if seen[key] {
			return fmt.Errorf("%s/%s stands there twice", path, key)
		}
		seen[key] = true
		if err := twice(d, path+"/"+key); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
