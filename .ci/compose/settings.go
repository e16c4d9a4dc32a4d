package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// setting is the name of a variable of the product, wherever it stands.
var setting = regexp.MustCompile(`\bLANDFALL_[A-Z0-9_]*[A-Z0-9]\b`)

// streamOfCopies is the one name of that form that is no variable: the stream on the bus that partners read.
const streamOfCopies = "LANDFALL_FOR"

// settingsIn gives every LANDFALL_* name in the texts below the folders, with a file in which it stands.
func settingsIn(root string, folders ...string) (map[string]string, error) {
	found := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if d.Name() == "secrets" { // made by deploy/make-secrets, nobody else's business
					return fs.SkipDir
				}
				return nil
			}
			text, err := os.ReadFile(path)
			for _, name := range setting.FindAllString(string(text), -1) {
				if name == streamOfCopies {
					continue
				}
				found[name] = strings.TrimPrefix(path, root+string(filepath.Separator))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// unknown gives what of the names the help does not list. X_FILE is left out where X is listed: fileIsRead asks the binary itself.
func unknown(names map[string]string, help string) (wrong, files []string) {
	known := map[string]bool{}
	for _, name := range setting.FindAllString(help, -1) {
		known[name] = true
	}
	for name, file := range names {
		base, isFile := strings.CutSuffix(name, "_FILE")
		switch {
		case known[name]:
		case isFile && known[base]:
			files = append(files, name)
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %s is no flag of landfall serve", file, name))
		}
	}
	slices.Sort(wrong)
	slices.Sort(files)
	return wrong, files
}

// checkSettings compares the variables that deployments and guides name with what the binary knows, and gives how many there are.
func checkSettings(ctx context.Context, opt options) (int, error) {
	names, err := settingsIn(opt.root, "deploy", filepath.Join("docs", "guides"))
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		return 0, errors.New("no LANDFALL_* variable was found: the check sees nothing")
	}
	help, err := exec.CommandContext(ctx, opt.landfall, "serve", "--help").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("landfall serve --help: %w\n%s", err, help)
	}
	wrong, files := unknown(names, string(help))
	for _, name := range files {
		if err := fileIsRead(ctx, opt.landfall, name); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", names[name], err))
		}
	}
	if len(wrong) > 0 {
		return 0, errors.New(strings.Join(wrong, "\n  "))
	}
	return len(names), nil
}

// fileIsRead fails unless the binary refuses to start because the file that the variable names is not there.
func fileIsRead(ctx context.Context, landfall, name string) error {
	dir, err := os.MkdirTemp("", "landfall-setting-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // one that ignores the variable would serve for ever
	defer cancel()
	cmd := exec.CommandContext(ctx, landfall, "serve")
	cmd.Dir = dir
	cmd.Env = []string{name + "=" + filepath.Join(dir, "absent"), "LANDFALL_LISTEN=127.0.0.1:0"}
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), name) {
		return fmt.Errorf("%s is not read: landfall serve starts, or says nothing of it, when the file is not there", name)
	}
	return nil
}
