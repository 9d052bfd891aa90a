package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// about is what `inspect` prints.
type about struct {
	Names           []string          `json:"names"`
	ID              string            `json:"id"` // digest of the configuration, as engines show it
	CompressedBytes int64             `json:"compressedBytes"`
	Architecture    string            `json:"architecture"`
	Entrypoint      []string          `json:"entrypoint"`
	User            string            `json:"user"`
	Labels          map[string]string `json:"labels"`
}

func cmdInspect(_ context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("inspect", flag.ContinueOnError)
	if err := parse(fs, args, 1); err != nil {
		return err
	}
	told, err := inspect(fs.Arg(0))
	if err != nil {
		return err
	}
	printer := json.NewEncoder(out)
	printer.SetIndent("", "  ")
	return printer.Encode(told)
}

// read opens an image's tar.
func read(path string) (v1.Image, error) {
	image, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s is no image that `scripts/images`, `docker save` or `podman save` wrote: %w", path, err)
	}
	return image, nil
}

func inspect(file string) (about, error) {
	image, err := read(file)
	if err != nil {
		return about{}, err
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		return about{}, err
	}
	id, err := image.ConfigName()
	if err != nil {
		return about{}, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return about{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return about{}, err
	}
	told := about{
		Names: manifest[0].RepoTags, ID: id.String(), Architecture: config.Architecture,
		Entrypoint: config.Config.Entrypoint, User: config.Config.User, Labels: config.Config.Labels,
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return about{}, err
		}
		told.CompressedBytes += size
	}
	return told, nil
}

func cmdUnpack(_ context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("unpack", flag.ContinueOnError)
	if err := parse(fs, args, 2); err != nil {
		return err
	}
	return unpack(fs.Arg(0), fs.Arg(1), everywhere)
}

// everywhere puts all files below one folder.
func everywhere(*tar.Header) string { return "" }

// cmdContext splits by owner: a Dockerfile's COPY gives all that it copies to one.
func cmdContext(_ context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("context", flag.ContinueOnError)
	if err := parse(fs, args, 2); err != nil {
		return err
	}
	return unpack(fs.Arg(0), fs.Arg(1), func(header *tar.Header) string {
		if header.Uid == nonroot {
			return "owned"
		}
		return "files"
	})
}

// unpack writes an image's files below a folder that must be new or empty, each where `below` says.
// Owners are set where this process may. Nothing is written outside of the folder, whatever the tar says.
func unpack(from, to string, below func(*tar.Header) string) error {
	image, err := read(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if there, err := os.ReadDir(to); err != nil || len(there) > 0 {
		return errors.Join(err, fmt.Errorf("%s is not empty: give a new folder", to))
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	files := mutate.Extract(image)
	defer files.Close()
	for stream := tar.NewReader(files); ; {
		header, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		place := filepath.Join(below(header), filepath.FromSlash(strings.TrimPrefix(path.Clean(header.Name), "/")))
		if err := placeOne(root, place, header, stream); err != nil {
			return fmt.Errorf("%s: %s: %w", from, header.Name, err)
		}
	}
}

// placeOne writes one file, link or folder.
func placeOne(root *os.Root, place string, header *tar.Header, body io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(place, 0o755); err != nil {
			return err
		}
	case tar.TypeReg:
		out, err := root.OpenFile(place, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, body)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if !filepath.IsLocal(header.Linkname) {
			return fmt.Errorf("leads to %q: only links to what lies beside or below them are known", header.Linkname)
		}
		return root.Symlink(header.Linkname, place)
	default:
		return fmt.Errorf("is of type %q: only files, folders and symbolic links are known", header.Typeflag)
	}
	if os.Geteuid() == 0 {
		if err := root.Lchown(place, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	return root.Chmod(place, header.FileInfo().Mode())
}
