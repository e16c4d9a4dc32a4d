package proof

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// KeysFile is the file of public keys in a folder of heads.
const KeysFile = "heads.pub"

// fileEnd is how the names of files of heads end. They begin with the number of their first head.
const fileEnd = ".heads"

// A new file is begun when what was added to the present one is more than rollMost bytes and more
// than rollTimes its first record, which holds every leaf: reading a file then costs little more
// than reading what it must hold.
const (
	rollMost  = 4 << 20
	rollTimes = 4
)

// Log appends heads to files in a folder. Several processes may use one folder. All methods may be
// called concurrently.
type Log struct {
	dir  string
	lock *flock.Flock

	mu    sync.Mutex
	name  string // of the file that is written, "" when none can be
	size  int64  // of it, as far as it was read or written
	first int64  // where its first record ends
	tree  Tree   // as of its last record that is not only seen
	last  *Signed
	since Signed // the last that is not only seen
	notes []string
}

// OpenLog opens the newest file of a folder, which is made where it is missing. A torn record at
// its end is cut. A file that cannot be read is left as it is, and the next head begins another
// one; Notes says so.
func OpenLog(dir string) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &Log{dir: dir, lock: flock.New(filepath.Join(dir, "heads.lock"), flock.SetPermissions(0o600))}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.locked(l.catchUp)
	return l, err
}

// Notes says what was wrong with the files, and forgets it.
func (l *Log) Notes() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	notes := l.notes
	l.notes = nil
	return notes
}

// Last gives the newest head that the files hold, seen ones included; false when they hold none.
func (l *Log) Last() (Signed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		return Signed{}, false
	}
	return *l.last, true
}

// Covered gives the newest head whose leaves the files hold, and a copy of those; false when there
// is none.
func (l *Log) Covered() (Signed, *Tree, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.Head.Number == 0 {
		return Signed{}, &Tree{}, false
	}
	return l.since, l.tree.Clone(), true
}

// Append adds a head that covers the leaves of the tree and makes it durable. Before it come those
// that others have signed since the last one that is here. Of the streams to forget, what earlier
// heads say does not hold any more: the head must say why. A head that is no newer than the last
// one here is left out.
func (l *Log) Append(s Signed, tree *Tree, seen []Signed, forget []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked(func() error {
		if err := l.catchUp(); err != nil {
			return err
		}
		var after int64
		if l.last != nil {
			after = l.last.Head.Number
		}
		if s.Head.Number <= after {
			return nil
		}
		var text []byte
		var err error
		for _, other := range seen {
			if other.Head.Number <= after || other.Head.Number >= s.Head.Number {
				continue
			}
			if text, err = (Record{Signed: other, Seen: true}).append(text); err != nil {
				return err
			}
		}
		rec := Record{Signed: s}
		fresh := l.name == "" || l.size-l.first > max(rollMost, rollTimes*l.first)
		if fresh {
			rec.Set = tree.Leaves()
			text = append([]byte(fileMark+"\n"), text...)
		} else {
			rec.Set, rec.Gone = difference(&l.tree, tree)
		}
		for _, name := range forget {
			if slices.Contains(rec.Gone, name) {
				continue
			}
			rec.Gone = append(rec.Gone, name)
			if leaf, ok := tree.Get(name); ok && !slices.Contains(rec.Set, leaf) {
				rec.Set = append(rec.Set, leaf)
			}
		}
		if text, err = rec.append(text); err != nil {
			return err
		}
		if err := l.write(fresh, s.Head.Number, text); err != nil {
			return err
		}
		l.tree, l.last, l.since = *tree.Clone(), &s, s
		return nil
	})
}

// write adds text to the file, or makes another one of it. What a failed write leaves is cut by the
// next one.
func (l *Log) write(fresh bool, number int64, text []byte) error {
	name, flags := l.name, os.O_WRONLY|os.O_APPEND
	if fresh {
		name, flags = fmt.Sprintf("%012d%s", number, fileEnd), os.O_WRONLY|os.O_CREATE|os.O_EXCL
	}
	path := filepath.Join(l.dir, name)
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if !fresh {
		l.size += int64(len(text))
		return nil
	}
	l.name, l.size, l.first = name, int64(len(text)), int64(len(text))
	return syncFolder(l.dir)
}

// AddKey adds a public key to the file of keys, unless it is there.
func (l *Log) AddKey(key ed25519.PublicKey) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked(func() error {
		path := filepath.Join(l.dir, KeysFile)
		have, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		text, added := addKey(have, key)
		if !added {
			return nil
		}
		f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // public keys
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
		return syncFolder(l.dir)
	})
}

// locked does something while no other process writes in the folder. mu is held.
func (l *Log) locked(do func() error) error {
	if err := l.lock.Lock(); err != nil {
		return err
	}
	return errors.Join(do(), l.lock.Unlock())
}

// catchUp reads what is new in the newest file, and cuts a torn record at its end. The folder is
// locked.
func (l *Log) catchUp() error {
	files, err := Files(l.dir)
	if err != nil || len(files) == 0 {
		l.name = ""
		return err
	}
	path := files[len(files)-1]
	if name := filepath.Base(path); name != l.name {
		l.name, l.size, l.first, l.tree, l.last, l.since = name, 0, 0, Tree{}, nil, Signed{}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.Size() == l.size && l.first > 0 {
		return err
	}
	if _, err := f.Seek(l.size, io.SeekStart); err != nil {
		return err
	}
	switch err := l.read(newReader(f)); {
	case err == nil:
		return nil
	case !errors.Is(err, errTorn):
		return l.setAside(err.Error())
	}
	l.notes = append(l.notes, fmt.Sprintf("%s: the record at its end was not whole and is cut", l.name))
	if err := errors.Join(f.Truncate(l.size), f.Sync()); err != nil {
		return err
	}
	if l.first > 0 {
		return nil
	}
	l.name = ""
	return os.Remove(path) // it was cut off in its first record
}

// SetAside takes the newest file out of use, because what it says cannot be believed: it is
// renamed, and the next head begins another one.
func (l *Log) SetAside(why string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked(func() error {
		if l.name == "" {
			return nil
		}
		return l.setAside(why)
	})
}

func (l *Log) setAside(why string) error {
	name := l.name
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.refused-%d", name, n)
		if _, err := os.Lstat(filepath.Join(l.dir, aside)); err == nil {
			continue
		}
		if err := os.Rename(filepath.Join(l.dir, name), filepath.Join(l.dir, aside)); err != nil {
			return err
		}
		l.notes = append(l.notes, fmt.Sprintf("%s: %s; it is set aside as %s", name, why, aside))
		l.name, l.size, l.first, l.tree, l.last, l.since = "", 0, 0, Tree{}, nil, Signed{}
		return nil
	}
}

// read reads records to the end of the file.
func (l *Log) read(r *reader) error {
	began := l.size
	if began == 0 {
		if err := r.mark(); err != nil {
			return err
		}
	}
	for {
		rec, err := r.record()
		switch {
		case errors.Is(err, io.EOF) && l.first == 0:
			return errTorn
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		s := rec.Signed
		l.last, l.size = &s, began+r.good
		if rec.Seen {
			continue
		}
		l.tree.Set(rec.Set, rec.Gone)
		l.since = s
		if l.first == 0 {
			l.first = l.size
		}
	}
}

// difference gives what turns one tree into another.
func difference(from, to *Tree) (set []Leaf, gone []string) {
	old := from.leaves
	for _, l := range to.leaves {
		for len(old) > 0 && old[0].Stream < l.Stream {
			gone, old = append(gone, old[0].Stream), old[1:]
		}
		if len(old) > 0 && old[0].Stream == l.Stream {
			if old[0] != l {
				set = append(set, l)
			}
			old = old[1:]
			continue
		}
		set = append(set, l)
	}
	for _, l := range old {
		gone = append(gone, l.Stream)
	}
	return set, gone
}

// Files lists the files of heads of a folder, oldest first. What is no folder is one file.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), fileEnd) && e.Type().IsRegular() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	slices.Sort(files)
	return files, nil
}

// KeysIn reads the file of public keys of a folder of heads, or of the folder that a file of heads
// lies in; none when there is no such file.
func KeysIn(path string) (Keys, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(path)
	}
	text, err := os.ReadFile(filepath.Join(path, KeysFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Keys{}, nil
	}
	if err != nil {
		return nil, err
	}
	return ReadKeys(bytes.NewReader(text))
}

// syncFolder makes new names durable. Systems that cannot sync a folder (Windows) keep names
// durable by themselves.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && runtime.GOOS != "windows" {
		return errors.Join(err, d.Close())
	}
	return d.Close()
}
