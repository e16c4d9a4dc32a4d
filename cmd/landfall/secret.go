package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// secretFiles lets a secret flag come from a file: LANDFALL_X_FILE names the file that holds what LANDFALL_X would say. A secret in a
// variable shows in lists of processes and in crash reports; one in a file does not.
func secretFiles(lookup func(string) (string, bool)) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if !flag.Tag.Has("secret") || len(flag.Envs) == 0 {
			return nil, nil
		}
		name := flag.Envs[0]
		file, ok := lookup(name + "_FILE")
		if !ok || file == "" {
			return nil, nil
		}
		if _, both := lookup(name); both {
			return nil, fmt.Errorf("%s and %s_FILE are both set: one of them must go", name, name)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", name, err)
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	})
}
