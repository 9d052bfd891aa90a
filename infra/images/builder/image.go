package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The label keys of the OCI image specification, and one of our own.
const (
	labelTitle       = "org.opencontainers.image.title"
	labelDescription = "org.opencontainers.image.description"
	labelVersion     = "org.opencontainers.image.version"
	labelRevision    = "org.opencontainers.image.revision"
	labelSource      = "org.opencontainers.image.source"
	labelLicenses    = "org.opencontainers.image.licenses"
	labelCreated     = "org.opencontainers.image.created"
	labelBOM         = "dev.tenantry.sbom" // where in the image its bill of materials is
	labelLibc        = "dev.tenantry.libc" // which C library the programs have inside
)

// spec is everything that an image's bytes follow from.
type spec struct {
	ref        string
	entrypoint []string
	user       string
	expose     []string
	labels     map[string]string
	created    time.Time
	layers     [][]entry // what changes seldom first
}

// tag checks an image's name: without a tag, `latest` would be guessed, and the next build be called alike.
func (s spec) tag() (name.Tag, error) {
	tag, err := name.NewTag(s.ref, name.WithDefaultTag(""))
	if err != nil || tag.TagStr() == "" {
		return tag, fmt.Errorf("image name %q: write REPOSITORY:TAG, such as tenantry.dev/sample:0.1.0", s.ref)
	}
	return tag, nil
}

// image puts the spec together.
func (s spec) image() (v1.Image, error) {
	arch, err := s.architecture()
	if err != nil {
		return nil, err
	}
	labels := maps.Clone(s.labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelCreated] = s.created.UTC().Format(time.RFC3339)
	ports := map[string]struct{}{}
	for _, port := range s.expose {
		ports[port+"/tcp"] = struct{}{}
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		Architecture: arch,
		OS:           "linux",
		Created:      v1.Time{Time: s.created.UTC()},
		Config: v1.Config{
			Entrypoint: s.entrypoint, User: s.user, WorkingDir: "/", ExposedPorts: ports, Labels: labels,
		},
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, entries := range s.layers {
		packed, err := layer(entries)
		if err != nil {
			return nil, err
		}
		history := v1.History{Created: v1.Time{Time: s.created.UTC()}, CreatedBy: "scripts/images"}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: packed, History: history}); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// architecture is that of the programs in it, as Go and OCI call it. Each must be static: there is no
// library and no loader in an image FROM scratch.
func (s spec) architecture() (string, error) {
	found := ""
	for _, entries := range s.layers {
		for _, e := range entries {
			if e.dir || !bytes.HasPrefix(e.body, []byte(elf.ELFMAG)) {
				continue
			}
			arch, err := static(e.body)
			if err != nil {
				return "", fmt.Errorf("%s: %w", e.path, err)
			}
			if found != "" && found != arch {
				return "", fmt.Errorf("%s is for %s, another program for %s: build them for one", e.path, arch, found)
			}
			found = arch
		}
	}
	if found == "" {
		return "", fmt.Errorf("%s holds no program: name an ELF binary for Linux", s.ref)
	}
	return found, nil
}

// static checks that a program needs nothing beside itself, and says what it is for.
func static(program []byte) (string, error) {
	read, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return "", fmt.Errorf("no ELF program: %w", err)
	}
	for _, part := range read.Progs {
		if part.Type == elf.PT_INTERP {
			return "", fmt.Errorf("is linked dynamically, and the image has no libraries: build it static (Go: CGO_ENABLED=0; Rust: a musl target)")
		}
	}
	switch read.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", fmt.Errorf("is for %s: amd64 and arm64 are known", read.Machine)
}

// write puts the image's tar at a path, whole or not at all.
func (s spec) write(path string) error {
	tag, err := s.tag()
	if err != nil {
		return err
	}
	image, err := s.image()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".image-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := tarball.Write(tag, image, tmp); err != nil {
		tmp.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
