package main

import (
	"bytes"
	"context"
	"errors"
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
	bodies := map[string][]byte{}
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join(s.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return source{}, err
		}
		bodies[filepath.Join(to, name)] = body
	}
	if err := prune(to, bodies); err != nil {
		return source{}, err
	}
	for path, body := range bodies {
		if err := refresh(path, body); err != nil {
			return source{}, err
		}
	}
	s.root = to
	return s, nil
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

// prune removes what another checkout had and this one does not, and folders that are left empty: a
// file may now have the name of one.
func prune(folder string, wanted map[string][]byte) error {
	left, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range left {
		path := filepath.Join(folder, e.Name())
		if e.IsDir() {
			if err := prune(path, wanted); err != nil {
				return err
			}
			_ = os.Remove(path) // unless something is in it
		} else if _, ok := wanted[path]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
