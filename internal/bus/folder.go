package bus

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	markName    = "landfall.json"
	damagedPart = ".damaged-"
)

// mark is the small file beside the server's own that says how the last process left the folder. Without it nobody could
// tell a stream that lost its tail in a power cut from one that is whole, and sequences would be given twice.
type mark struct {
	Stopped     bool   `json:"stopped"`     // by Close, in full
	Starting    int    `json:"starting"`    // starts in a row that did not get as far as a working stream
	Incarnation string `json:"incarnation"` // of the stream when it was stopped
	LastSeq     uint64 `json:"last_seq"`    // of the stream when it was stopped
	Consumers   string `json:"consumers"`   // fingerprint of their files when it was stopped
}

// folder is where the embedded server keeps its files, and the mark beside them.
type folder struct {
	path string
	now  func() time.Time
}

// claim makes the folder when it is absent, gives the mark the last process left, and whether there was anything in it. It
// returns an error when the folder cannot be written, which moving it aside would not cure.
func (f folder) claim() (last mark, used bool, err error) {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return mark{}, false, err
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return mark{}, false, err
	}
	raw, err := os.ReadFile(f.file())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return mark{}, false, err
	default:
		if json.Unmarshal(raw, &last) != nil {
			last = mark{} // damaged like anything else: nothing is known
		}
	}
	return last, len(entries) > 0, f.write(mark{Starting: last.Starting + 1})
}

func (f folder) file() string { return filepath.Join(f.path, markName) }

// leave writes the mark of a server that was stopped in order. Where somebody has deleted the folder under the server there is nothing
// to mark: the next start finds none, and knows what that means.
func (f folder) leave(m mark) (err error) {
	if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if m.Consumers, err = f.fingerprint(); err != nil {
		return err
	}
	return f.write(m)
}

// write replaces the mark and returns when it is on disk.
func (f folder) write(m mark) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.path, markName+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(raw, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.file())
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncDir(f.path)
}

// prepare takes away what the server would believe without having reason to.
//
// Its index of the stored messages, unless it was stopped in order: without the index it reads every message and cuts off what
// is damaged, which takes about a third of a second for each gibibyte. With it, one flipped bit in a sequence number sends it
// into a loop it does not come out of.
//
// The state of the consumers, unless it is to the byte what was left in order: it has no checksum, and damaged it makes the
// server allocate all memory, or pass over messages. A consumer without state starts at the oldest message.
func (f folder) prepare(last mark) error {
	if last.Stopped {
		now, err := f.fingerprint()
		if err != nil || now == last.Consumers {
			return err
		}
	}
	var err error
	for _, stream := range []string{streamName, copiesName} {
		if !last.Stopped {
			err = errors.Join(err, f.removeEach(stream, "msgs", "index.db", func(string) bool { return true }))
		}
		err = errors.Join(err, f.dropConsumers(stream, nil))
	}
	return err
}

// fingerprint gives a digest of the consumers' files.
func (f folder) fingerprint() (string, error) {
	digest := sha256.New()
	for _, stream := range []string{streamName, copiesName} {
		paths, err := f.find(stream, "obs", filepath.Join("*", "*"))
		if err != nil {
			return "", err
		}
		if stream != streamName && len(paths) > 0 {
			fmt.Fprintln(digest, stream)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(digest, "%s %d\n", filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)), len(raw))
			digest.Write(raw)
		}
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// dropConsumers removes what is left of a stream's consumers that the server has not loaded. It would refuse to make a consumer whose
// state it cannot read, and give one whose state it can read the position of a stream that is gone.
func (f folder) dropConsumers(stream string, loaded []string) error {
	return f.removeEach(stream, "obs", "*", func(path string) bool { return !slices.Contains(loaded, filepath.Base(path)) })
}

// removeEach removes what a stream's folder has below part under a name, where it is to go.
func (f folder) removeEach(stream, part, name string, goes func(path string) bool) error {
	found, err := f.find(stream, part, name)
	for _, path := range found {
		if goes(path) {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

// find lists what a stream's folder has below part under a name, in order. The server keeps a stream in
// jetstream/<account>/streams/<name>.
func (f folder) find(stream, part, name string) ([]string, error) {
	return filepath.Glob(filepath.Join(escapeGlob(f.path), "jetstream", "*", "streams", stream, part, name))
}

// moveAside renames the folder, so that a person can look at it and the next start finds none, and gives its new name.
// Only the newest folder moved aside is kept: a machine that damages files must not fill its disk with them.
func (f folder) moveAside() (string, error) {
	older, err := filepath.Glob(escapeGlob(f.path) + damagedPart + "*")
	if err != nil {
		return "", err
	}
	stamp := f.now().UTC().Format("20060102T150405.000000000Z")
	to := f.path + damagedPart + stamp
	for n := 2; exists(to); n++ {
		to = fmt.Sprintf("%s%s%s-%d", f.path, damagedPart, stamp, n)
	}
	if err := os.Rename(f.path, to); err != nil {
		return "", err
	}
	for _, path := range older {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return to, errors.Join(err, syncDir(filepath.Dir(f.path)))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func escapeGlob(path string) string {
	var out []rune
	for _, r := range path {
		switch r {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
