package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"landfall/internal/fault"
)

// folder is the data folder of one process:
//
//	landfall.db   the records (SQLite)
//	jetstream/    the bus; may be deleted while stopped
//	admin.token   token of the first account, 0600
//	secret.key    key that subscription secrets are encrypted with, 0600; without it they are lost
//	instance      id of the process that serves from here, the same after a restart
//	address       where that process answers, while it does
//	lock          held while a process serves from the folder, as the folder itself is
//
// Where records and bus are on servers, only admin.token, instance and lock are there.
type folder struct {
	path  string
	id    string // of the process that serves from it
	locks []*flock.Flock
}

func (f *folder) database() string  { return filepath.Join(f.path, "landfall.db") }
func (f *folder) jetstream() string { return filepath.Join(f.path, "jetstream") }
func (f *folder) token() string     { return filepath.Join(f.path, "admin.token") }
func (f *folder) key() string       { return filepath.Join(f.path, "secret.key") }

// openFolder makes the folder where it is missing and takes its lock. A second process gets a fault that names the first.
func openFolder(path string) (*folder, error) {
	if path == "" {
		return nil, fault.New(fault.Invalid, "no_data_folder", "Say where to keep the records: --data DIR.")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "data_folder", "The data folder %s cannot be used.", path)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "data_folder", "The data folder %s cannot be made: %v.", abs, reason(err))
	}
	f := &folder{path: abs}
	if err := f.hold(); err != nil {
		return nil, errors.Join(err, f.release())
	}
	// The pid stands in a file of its own: on some systems a locked file cannot be read.
	if err := os.WriteFile(filepath.Join(abs, "pid"), fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600); err != nil {
		return nil, errors.Join(
			fault.Wrap(err, fault.Unavailable, "data_folder", "The data folder %s cannot be written: %v.", abs, reason(err)), f.release())
	}
	if f.id, err = f.instance(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// hold takes the locks: that of the file, and that of the folder itself, which no deleted file gives away. Windows has no locks on folders, and
// deletes no file that is open. Some network shares have none either: there the file has to do.
func (f *folder) hold() error {
	file := flock.New(filepath.Join(f.path, "lock"), flock.SetPermissions(0o600))
	held, err := file.TryLock()
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "data_folder", "The data folder %s cannot be locked: %v.", f.path, reason(err))
	}
	if !held {
		return f.inUse()
	}
	f.locks = append(f.locks, file)
	if runtime.GOOS == "windows" {
		return nil
	}
	itself := flock.New(f.path, flock.SetFlag(os.O_RDONLY))
	held, err = itself.TryLock()
	if err == nil && !held {
		return f.inUse()
	}
	if held {
		f.locks = append(f.locks, itself)
	}
	return nil
}

// inUse names the process that holds the folder.
func (f *folder) inUse() error {
	who := "Another process"
	if pid, err := os.ReadFile(filepath.Join(f.path, "pid")); err == nil && len(pid) > 0 && len(pid) < 20 {
		who += " (number " + strings.TrimSpace(string(pid)) + ")"
	}
	return fault.New(fault.Conflict, "data_folder_in_use",
		"%s is already serving from %s. Stop it first, or name another folder with --data.", who, f.path)
}

// release gives the locks back.
func (f *folder) release() (err error) {
	for _, l := range f.locks {
		err = errors.Join(err, l.Unlock())
	}
	return err
}

// instance reads the id of whoever serves from the folder, or makes it when there is none.
func (f *folder) instance() (string, error) {
	path := filepath.Join(f.path, "instance")
	text, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(text)); err == nil && uuid.Validate(id) == nil {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Wrap(err, fault.Unavailable, "data_folder", "%s cannot be read: %v.", path, reason(err))
	}
	id := uuid.NewString()
	return id, writeSecret(path, id+"\n")
}

// answers writes down where the process of this folder answers, for commands beside it.
func (f *folder) answers(url string) error {
	if err := os.WriteFile(filepath.Join(f.path, addressFile), []byte(url+"\n"), 0o600); err != nil {
		return fault.Wrap(err, fault.Unavailable, "data_folder", "The data folder %s cannot be written: %v.", f.path, reason(err))
	}
	return nil
}

const addressFile = "address"

// AddressIn gives where the service of a data folder answers, as it wrote down; "" when none does, or nobody knows.
func AddressIn(data string) string {
	text, err := os.ReadFile(filepath.Join(data, addressFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// close releases the lock.
func (f *folder) close() error {
	if err := os.Remove(filepath.Join(f.path, addressFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, f.release())
	}
	return errors.Join(os.Remove(filepath.Join(f.path, "pid")), f.release())
}

// readToken reads the token of the first account; fs.ErrNotExist when there is no file.
func (f *folder) readToken() (string, error) {
	text, err := os.ReadFile(f.token())
	return strings.TrimSpace(string(text)), err
}

// secretKey reads the folder's key, or makes it when there is none and no records need another.
func (f *folder) secretKey(needed bool) ([]byte, error) {
	text, err := os.ReadFile(f.key())
	switch {
	case err == nil:
		key, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(key) != 32 {
			return nil, fault.New(fault.Invalid, "secret_key", "%s does not hold a key of 64 hexadecimal digits. Restore it from the backup.", f.key())
		}
		return key, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(err, fault.Unavailable, "secret_key", "%s cannot be read: %v.", f.key(), reason(err))
	}
	if needed {
		return nil, fault.New(fault.Invalid, "secret_key",
			"%s is missing although there are records. Restore it from the backup; without it no subscription secret can be read.", f.key())
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, crypto/rand
	return key, writeSecret(f.key(), hex.EncodeToString(key)+"\n")
}

// writeSecret writes a file that only its owner may read, whole or not at all, and durably.
func writeSecret(path, text string) error {
	tmp, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "data_folder", "%s cannot be written: %v.", path, reason(err))
	}
	_, err = tmp.WriteString(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "data_folder", "%s cannot be written: %v.", path, reason(err))
	}
	return nil
}

// syncFolder makes a new name durable. Systems that cannot sync a folder (Windows) keep names durable by themselves.
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

// reason gives the short cause of a file error without the path that the sentence names already.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
