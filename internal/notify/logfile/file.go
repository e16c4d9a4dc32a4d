package logfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// entry is a line on its way to disk.
type entry struct {
	text []byte
	done chan error // capacity 1
}

// file is one target with work to do. A single goroutine writes it, and ends when nothing waits.
type file struct {
	waiting []*entry
}

// wait lines an entry up; false when the channel is closed.
func (c *Channel) wait(target string, e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	f, busy := c.files[target]
	if !busy {
		f = &file{}
		c.files[target] = f
		c.work.Go(func() { c.opt.Guard.Run("a log file", func() { c.drain(target, f) }) })
	}
	f.waiting = append(f.waiting, e)
	return true
}

// withdraw takes an entry out that nobody has begun to write.
func (c *Channel) withdraw(target string, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.files[target]; ok {
		f.waiting = slices.DeleteFunc(f.waiting, func(w *entry) bool { return w == e })
	}
}

// drain writes what waits, all of it at once, until nothing does.
func (c *Channel) drain(target string, f *file) {
	for {
		c.mu.Lock()
		group := f.waiting
		f.waiting = nil
		if len(group) == 0 {
			delete(c.files, target)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		var text []byte
		for _, e := range group {
			text = append(text, e.text...)
		}
		err := c.opt.Guard.Do("a log file", func() error { return c.append(target, text) })
		for _, e := range group {
			e.done <- err
		}
	}
}

// append writes whole lines to the end of a file and makes them last: all of them, or none.
func (c *Channel) append(target string, text []byte) (err error) {
	root, err := openFolder(c.opt.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, made, err := open(root, target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if whole, err := endsLine(f, end); err != nil {
		return err
	} else if !whole {
		text = append([]byte{'\n'}, text...)
	}
	if _, err = f.Write(text); err == nil {
		err = c.opt.Sync(f)
	}
	if err != nil {
		return errors.Join(err, f.Truncate(end)) // no half line, and none that was reported as failed
	}
	if made {
		return syncDir(root)
	}
	return nil
}

// open opens a file for appending and says whether it was made. Anything but a regular file in the folder is refused before it is opened: opening a
// pipe would wait for its reader.
func open(root *os.Root, target string) (f *os.File, made bool, err error) {
	const flags = os.O_RDWR | os.O_APPEND
	info, err := root.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f, err = root.OpenFile(target, flags|os.O_CREATE|os.O_EXCL, 0o600)
		return f, true, err
	case err != nil:
		return nil, false, err
	case !info.Mode().IsRegular():
		return nil, false, errNotFile
	}
	f, err = root.OpenFile(target, flags, 0)
	return f, false, err
}

// endsLine reports whether the file of that size is empty or ends with a whole line.
func endsLine(f *os.File, size int64) (bool, error) {
	if size == 0 {
		return true, nil
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return last[0] == '\n', err
}
