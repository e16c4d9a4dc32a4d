package harness_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A copy of a folder in use shows what the page cache holds: it proves what a kill leaves behind, and nothing about a power cut, which
// also takes what was written and not synced, or any part of it. So the proof of power cuts records what SQLite asks of the disk, at
// its own border with the operating system (a VFS), and makes from that what a disk may hold at any instant: of every file
// everything written before its last sync, and of what was written since any sectors, in any order.
//
// Nothing of the product knows of it: the recording VFS stands in front of the usual one of this test process, and keeps nothing unless
// it is told to watch a folder.

// disk is the one recorder. It is a variable of the package because SQLite calls functions and not methods.
var disk = &recorder{files: map[uintptr]*openFile{}, tables: map[uintptr]*lib.Tsqlite3_io_methods{}}

// recorder keeps what is asked of the files of one folder, in order.
type recorder struct {
	open fnOpen // the usual VFS's

	mu     sync.Mutex
	files  map[uintptr]*openFile                // by SQLite's address of them
	tables map[uintptr]*lib.Tsqlite3_io_methods // ours, by the address of the usual one
	dir    string                               // that is watched; "" for none
	begin  map[string][]byte                    // what its files held when that began, by name
	log    []request
}

type openFile struct {
	path  string
	usual lib.Tsqlite3_io_methods
}

// request is one thing asked of the disk.
type request struct {
	file string // name in the folder
	do   doing
	at   int64  // where to write, or the length to cut to
	data []byte // to write
}

type doing uint8

const (
	doWrite doing = iota
	doCut
	doSync
)

// The functions of a VFS and of its files that are replaced, as the translated SQLite calls them.
type (
	fnOpen  = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	fnClose = func(tls *libc.TLS, file uintptr) int32
	fnWrite = func(tls *libc.TLS, file, from uintptr, n int32, at lib.Tsqlite3_int64) int32
	fnCut   = func(tls *libc.TLS, file uintptr, length lib.Tsqlite3_int64) int32
	fnSync  = func(tls *libc.TLS, file uintptr, flags int32) int32
)

// at gives what lies at an address of SQLite's, which is not in Go's memory.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// function makes a function pointer of SQLite's callable.
func function[F any](pointer uintptr) F { return *(*F)(unsafe.Pointer(&pointer)) }

// pointerTo gives the pointer under which SQLite calls a function that is declared at the top of a package.
func pointerTo(f any) uintptr { return (*[2]uintptr)(unsafe.Pointer(&f))[1] }

// install puts the recorder in front of the usual VFS. Once, before the first store is opened.
func (r *recorder) install() {
	tls := libc.NewTLS()
	defer tls.Close()
	vfs := at[lib.Tsqlite3_vfs](lib.Xsqlite3_vfs_find(tls, 0))
	r.open = function[fnOpen](vfs.FxOpen)
	vfs.FxOpen = pointerTo(recordOpen)
}

// recordOpen opens a file and gives it a table of functions in which four are ours.
func recordOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
	rc := disk.open(tls, vfs, name, file, flags, out)
	if rc != lib.SQLITE_OK || name == 0 {
		return rc
	}
	disk.mu.Lock()
	defer disk.mu.Unlock()
	f := at[lib.Tsqlite3_file](file)
	usual := *at[lib.Tsqlite3_io_methods](f.FpMethods)
	ours, ok := disk.tables[f.FpMethods]
	if !ok {
		ours = &lib.Tsqlite3_io_methods{}
		*ours = usual
		ours.FxClose, ours.FxWrite = pointerTo(recordClose), pointerTo(recordWrite)
		ours.FxTruncate, ours.FxSync = pointerTo(recordCut), pointerTo(recordSync)
		disk.tables[f.FpMethods] = ours
	}
	f.FpMethods = uintptr(unsafe.Pointer(ours))
	disk.files[file] = &openFile{path: libc.GoString(name), usual: usual}
	return rc
}

func recordClose(tls *libc.TLS, file uintptr) int32 {
	disk.mu.Lock()
	f := disk.files[file]
	delete(disk.files, file)
	disk.mu.Unlock()
	return function[fnClose](f.usual.FxClose)(tls, file)
}

func recordWrite(tls *libc.TLS, file, from uintptr, n int32, to lib.Tsqlite3_int64) int32 {
	return disk.ask(file, func(f *openFile) (int32, request) {
		rc := function[fnWrite](f.usual.FxWrite)(tls, file, from, n, to)
		return rc, request{do: doWrite, at: to, data: unsafe.Slice(at[byte](from), n)}
	})
}

func recordCut(tls *libc.TLS, file uintptr, length lib.Tsqlite3_int64) int32 {
	return disk.ask(file, func(f *openFile) (int32, request) {
		return function[fnCut](f.usual.FxTruncate)(tls, file, length), request{do: doCut, at: length}
	})
}

func recordSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	return disk.ask(file, func(f *openFile) (int32, request) {
		return function[fnSync](f.usual.FxSync)(tls, file, flags), request{do: doSync}
	})
}

// ask lets a request pass and keeps it, when it went well and is of the watched folder. One at a time: what is recorded after a sync was asked
// after it.
func (r *recorder) ask(file uintptr, pass func(*openFile) (int32, request)) int32 {
	r.mu.Lock()
	f := r.files[file]
	if r.dir == "" || filepath.Dir(f.path) != r.dir {
		r.mu.Unlock()
		rc, _ := pass(f)
		return rc
	}
	defer r.mu.Unlock()
	rc, asked := pass(f)
	if rc == lib.SQLITE_OK {
		asked.file, asked.data = filepath.Base(f.path), slices.Clone(asked.data)
		r.log = append(r.log, asked)
	}
	return rc
}

// watch begins a recording of a folder's files, all of which are taken as safely on the disk at that moment.
func (r *recorder) watch(t *testing.T, dir string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir != "" {
		t.Fatal("one recording at a time")
	}
	r.dir, r.begin, r.log = dir, map[string][]byte{}, nil
	for _, name := range []string{"landfall.db", "landfall.db-wal"} {
		held, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		r.begin[name] = held
	}
}

// moment gives how much has been asked of the disk by now.
func (r *recorder) moment() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.log)
}

// stop ends the recording and gives it.
func (r *recorder) stop() recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := recording{begin: r.begin, log: r.log}
	r.dir, r.begin, r.log = "", nil, nil
	return done
}

// recording is everything asked of a disk for a while.
type recording struct {
	begin map[string][]byte
	log   []request
}

// cut writes to dir what the files may hold when the power fails at the moment: after so many requests, the next not yet made.
func (r recording) cut(dir string, moment int, dice *rand.Rand) error {
	safe := map[string]int{} // everything of a file before this was synced
	for i, asked := range r.log[:moment] {
		if asked.do == doSync {
			safe[asked.file] = i
		}
	}
	// How much of what was not synced the disk has written by itself: none, some sectors, nearly all, all.
	luck := []float64{0, 0.3, 0.9, 1}[dice.IntN(4)]
	files := map[string][]byte{}
	for name, held := range r.begin {
		files[name] = slices.Clone(held)
	}
	for i, asked := range r.log[:moment] {
		held := files[asked.file]
		synced := i < safe[asked.file]
		switch asked.do {
		case doWrite:
			for from := int64(0); from < int64(len(asked.data)); {
				to := min(from+512-(asked.at+from)%512, int64(len(asked.data))) // the end of the sector
				if synced || dice.Float64() < luck {
					held = put(held, asked.data[from:to], asked.at+from)
				}
				from = to
			}
		case doCut:
			if (synced || dice.Float64() < luck) && asked.at < int64(len(held)) {
				held = held[:asked.at]
			}
		case doSync:
		}
		files[asked.file] = held
	}
	for name, held := range files {
		if err := os.WriteFile(filepath.Join(dir, name), held, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// put writes data into a file's content, zeros before it where the file was shorter.
func put(held, data []byte, to int64) []byte {
	if end := int(to) + len(data); end > len(held) {
		held = append(held, make([]byte, end-len(held))...)
	}
	copy(held[to:], data)
	return held
}

func (r recording) String() string {
	var b strings.Builder
	counts := map[string]int{}
	for _, asked := range r.log {
		counts[asked.file+" "+[]string{"writes", "cuts", "syncs"}[asked.do]]++
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%d %s  ", counts[what], what)
	}
	return b.String()
}
