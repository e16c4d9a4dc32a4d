package backup_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"landfall/internal/backup"
)

// FuzzArchive reads files that claim to be backups, as they are: one is whole, or the error names what is wrong.
func FuzzArchive(f *testing.F) {
	_, archive := small(f)
	f.Add(archive)
	f.Add(archive[:len(archive)/2])
	f.Add(append(bytes.Clone(archive), '\n'))
	f.Add([]byte("landfall-backup 2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := backup.Verify(t.Context(), bytes.NewReader(text)); err != nil && !found(err) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// FuzzArchiveInside packs what it is given as the compressed part of a backup, where a changed byte would only be found by its sum.
func FuzzArchiveInside(f *testing.F) {
	_, archive := small(f)
	begin := bytes.Index(archive, []byte{0x1f, 0x8b})
	packed := bytes.NewReader(archive[begin:]) // a byte reader: nothing behind the compressed part is taken
	zip, err := gzip.NewReader(packed)
	if err != nil {
		f.Fatal(err)
	}
	zip.Multistream(false)
	inside, err := io.ReadAll(zip)
	if err != nil {
		f.Fatal(err)
	}
	head, tail := archive[:begin], archive[len(archive)-packed.Len():]
	f.Add(inside)
	f.Add(inside[:len(inside)/2])
	f.Add([]byte(`{"section":{"name":"records"}}` + "\n" + `{"commit":{"body":-1}}` + "\n"))
	f.Add([]byte(`{"section":{"name":"records"}}` + "\n" + `{"commit":{"body":9223372036854775807}}` + "\n"))
	f.Add([]byte("null\n[]\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var file bytes.Buffer
		file.Write(head)
		zip := gzip.NewWriter(&file)
		if _, err := zip.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		file.Write(tail)
		if _, err := backup.Verify(t.Context(), &file); err != nil && !found(err) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
