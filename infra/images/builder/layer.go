package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// nonroot is the user that every image runs as: the number that distroless images made common.
const nonroot = 65532

// entry is one file, link or folder of a layer. Folders above it are made for it, root's and 0755.
type entry struct {
	path  string // from the root, with the leading slash
	mode  int64
	owner int // user and group
	dir   bool
	to    string // what a symbolic link leads to
	body  []byte
}

func file(path string, mode int64, body []byte) entry {
	return entry{path: path, mode: mode, body: body}
}

func link(path, to string) entry {
	return entry{path: path, mode: 0o777, to: to}
}

func folder(path string, mode int64, owner int) entry {
	return entry{path: path, mode: mode, owner: owner, dir: true}
}

// layer packs entries so that the same entries are the same bytes: sorted, without times, names of
// users or anything else of the machine.
func layer(entries []entry) (v1.Layer, error) {
	all, err := withParents(entries)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, e := range all {
		header := &tar.Header{
			Name: strings.TrimPrefix(e.path, "/"), Mode: e.mode, Uid: e.owner, Gid: e.owner,
			Typeflag: tar.TypeReg, Size: int64(len(e.body)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if e.dir {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if e.to != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.to
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", e.path, err)
		}
		if _, err := w.Write(e.body); err != nil {
			return nil, fmt.Errorf("%s: %w", e.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
}

// withParents adds the folders above and sorts, so that a folder comes before what is in it.
func withParents(entries []entry) ([]entry, error) {
	seen := map[string]entry{}
	for _, e := range entries {
		if e.path == "/" || !path.IsAbs(e.path) || path.Clean(e.path) != e.path {
			return nil, fmt.Errorf("path %q in an image: write it from the root, without . or .., such as /app", e.path)
		}
		if _, twice := seen[e.path]; twice {
			return nil, fmt.Errorf("path %q is in the image twice: leave one out", e.path)
		}
		seen[e.path] = e
	}
	for _, e := range entries {
		for up := path.Dir(e.path); up != "/"; up = path.Dir(up) {
			above, there := seen[up]
			if there && !above.dir {
				return nil, fmt.Errorf("path %q is below %q, which is no folder: put it elsewhere", e.path, up)
			}
			if !there {
				seen[up] = folder(up, 0o755, 0)
			}
		}
	}
	all := make([]entry, 0, len(seen))
	for _, e := range seen {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return all, nil
}
