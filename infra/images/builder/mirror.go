package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mirrored copies a checkout to the one folder where this user's images are compiled, and returns the
// sources there. Compilers are told the folders that they work in, and cargo compiles everything anew
// when it is told others: from a place of their own, two checkouts share what one has compiled. Files
// that are the same stay untouched, so that what is made of them stays valid. Sources that git does not
// know are taken where they are.
func mirrored(ctx context.Context, s source, to string) (source, error) {
	list, err := output(ctx, s.root, "git", "-c", "safe.directory="+s.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	names := strings.Split(strings.Trim(list, "\x00"), "\x00")
	if err != nil || !slices.Contains(names, "Cargo.toml") {
		return s, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join(s.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return source{}, err
		}
		path := filepath.Join(to, name)
		wanted[path] = true
		if err := refresh(path, body); err != nil {
			return source{}, err
		}
	}
	s.root = to
	return s, prune(to, wanted)
}

// refresh writes a file unless it says that already: cargo goes by the time of the last write.
func refresh(path string, body []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, body) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o644)
}

// prune removes what another checkout had and this one does not.
func prune(folder string, wanted map[string]bool) error {
	return filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || wanted[path] {
			return err
		}
		return os.Remove(path)
	})
}
