package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// cmdImage writes an image of programs that are there already, such as what
// scripts/otelcol builds.
func cmdImage(_ context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("image", flag.ContinueOnError)
	if err := parse(fs, args, true); err != nil {
		return err
	}
	if fs.NArg() < 3 {
		return fmt.Errorf("%w: image needs OUT.tar, a name with its tag, and at least one program", errUsage)
	}
	names := strings.Split(fs.Arg(1), ",")
	for _, name := range names {
		if !imageName.MatchString(name) {
			return fmt.Errorf("%w: %q is no image name with a tag, such as example.test/app:1", errUsage, name)
		}
	}
	// In /bin, as a program at the top is in the way of a volume of its name.
	img := image{name: names[0], also: names[1:], entrypoint: "/bin/" + filepath.Base(fs.Arg(2)), files: map[string]string{}}
	for _, file := range fs.Args()[2:] {
		img.files["/bin/"+filepath.Base(file)] = file
	}
	return writeImage(fs.Arg(0), img)
}

var imageName = regexp.MustCompile(`^[a-z0-9][a-z0-9./_-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// image is a container image FROM scratch: a few files, no system.
type image struct {
	name       string // with its tag
	also       []string
	entrypoint string
	files      map[string]string // path in the image to file on the machine
}

// writeImage writes a docker-archive. The same files make the same bytes:
// times and owners are fixed.
func writeImage(out string, img image) error {
	var layer bytes.Buffer
	if err := writeLayer(&layer, img.files); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": "1970-01-01T00:00:00Z",
		"config": map[string]any{"Entrypoint": []string{img.entrypoint}, "User": "65532:65532", "WorkingDir": "/"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer.Bytes())}},
	})
	if err != nil {
		return err
	}
	configName := digest(config) + ".json"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": append([]string{img.name}, img.also...), "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range []struct {
		name string
		data []byte
	}{{"layer.tar", layer.Bytes()}, {configName, config}, {"manifest.json", manifest}} {
		if err := addFile(w, f.name, 0o644, f.data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return writeAtomic(out, archive.Bytes(), 0o644)
}

func writeLayer(to io.Writer, files map[string]string) error {
	w := tar.NewWriter(to)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		info, err := os.Stat(files[name])
		if err != nil {
			return err
		}
		mode := int64(0o444)
		if info.Mode()&0o111 != 0 {
			mode = 0o555
		}
		if err := addFile(w, strings.TrimPrefix(path.Clean(name), "/"), mode, data); err != nil {
			return err
		}
	}
	return w.Close()
}

func addFile(w *tar.Writer, name string, mode int64, data []byte) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data)), Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// imageNames reads the names that a docker-archive carries, and so refuses
// early what is none.
func imageNames(file string) ([]string, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r := tar.NewReader(in)
	for {
		head, err := r.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("%s is no image file (%w): write one with `docker save` or scripts/images", file, err)
			}
			return nil, fmt.Errorf("%s has no manifest.json, so it is no docker-archive: write one with `docker save` or scripts/images", file)
		}
		if path.Clean(head.Name) != "manifest.json" {
			continue
		}
		var manifest []struct{ RepoTags []string }
		if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&manifest); err != nil {
			return nil, fmt.Errorf("%s: manifest.json: %w", file, err)
		}
		var names []string
		for _, m := range manifest {
			names = append(names, m.RepoTags...)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%s names no image: save it by its name, not by its number", file)
		}
		return names, nil
	}
}
