package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inputs are what the images are made of, files and folders of the checkout. What compilers read
// beyond them fails the build: see covered.
var inputs = []string{
	"Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "LICENSE",
	"api-server", "crds", "operator", "telemetry", "tenantry", "infra/images",
}

// beside are folders in there that no image is made of.
var beside = []string{"tests", "benches", "testdata", "target", "node_modules"}

// source is a checkout and what it says about itself.
type source struct {
	root              string
	version, homepage string
	licence           string
	revision          string
	created           time.Time
}

// look reads a checkout. A revision and a time that are given win over what git says, for sources
// without git.
func look(ctx context.Context, root, revision string, created int64) (source, error) {
	manifest, err := os.ReadFile(filepath.Join(root, "Cargo.toml"))
	if err != nil {
		return source{}, fmt.Errorf("%s is no checkout of the project: %w", root, err)
	}
	s := source{root: root, revision: revision, created: time.Unix(created, 0)}
	for key, field := range map[string]*string{"version": &s.version, "repository": &s.homepage, "license": &s.licence} {
		if *field, err = packageField(string(manifest), key); err != nil {
			return source{}, err
		}
	}
	if s.revision != "" {
		return s, nil
	}
	return s, s.askGit(ctx)
}

// packageField reads a text of Cargo.toml's [workspace.package].
func packageField(manifest, key string) (string, error) {
	_, section, _ := strings.Cut(manifest, "[workspace.package]\n")
	section, _, _ = strings.Cut(section, "\n[")
	found := regexp.MustCompile(`(?m)^` + key + ` = "([^"]+)"`).FindStringSubmatch(section)
	if found == nil {
		return "", fmt.Errorf("Cargo.toml says no %s in [workspace.package]: add it", key)
	}
	return found[1], nil
}

// askGit takes the last commit that changed what the images are made of, so that other commits make
// the same images. What is not committed is marked, with the time of that commit.
func (s *source) askGit(ctx context.Context) error {
	git := func(args ...string) (string, error) {
		args = append([]string{"-C", s.root, "-c", "safe.directory=" + s.root}, args...)
		output, err := exec.CommandContext(ctx, "git", append(append(args, "--"), inputs...)...).Output()
		return strings.TrimSpace(string(output)), err
	}
	last, err := git("log", "-1", "--format=%H %ct")
	revision, seconds, ok := strings.Cut(last, " ")
	if err != nil || !ok {
		s.revision = "unknown"
		return nil
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("git says %q for the last commit: %w", last, err)
	}
	s.revision, s.created = revision, time.Unix(at, 0)
	if changed, err := git("status", "--porcelain"); err != nil || changed != "" {
		s.revision += "-changed"
	}
	return nil
}

// files are the names of all inputs, sorted, from the checkout's root.
func (s source) files() ([]string, error) {
	var names []string
	for _, input := range inputs {
		err := filepath.WalkDir(filepath.Join(s.root, input), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(s.root, path)
			switch {
			case err != nil:
				return err
			case e.IsDir() && slices.Contains(beside, e.Name()):
				return filepath.SkipDir
			case e.IsDir(), strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, ".md"):
				return nil
			}
			names = append(names, filepath.ToSlash(name))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// layout changes whenever this program makes other images of the same inputs in a way that its own
// source, which is one of them, does not show.
const layout = "1"

// key names the folder of the images by everything that decides what is in them.
func (s source) key(tools []string) (string, error) {
	names, err := s.files()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, fact := range append([]string{layout, s.revision, strconv.FormatInt(s.created.Unix(), 10)}, tools...) {
		fmt.Fprintf(sum, "%s\x00", fact)
	}
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join(s.root, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s\x00%x\x00", name, sha256.Sum256(body))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// covered checks that a compiler read nothing of the checkout that the key does not know. `deps` is
// the file that cargo writes beside a program: `program: file file …`, with escaped blanks.
func (s source) covered(deps string) error {
	known, err := s.files()
	if err != nil {
		return err
	}
	_, list, _ := strings.Cut(strings.ReplaceAll(deps, `\ `, "\x00"), ":")
	for _, path := range strings.Fields(list) {
		name, err := filepath.Rel(s.root, strings.ReplaceAll(path, "\x00", " "))
		if err != nil || strings.HasPrefix(name, "..") {
			continue
		}
		name = filepath.ToSlash(name)
		// A build script names the folder whose files it takes; the key knows each of them.
		within := func(file string) bool { return strings.HasPrefix(file, name+"/") }
		if !slices.Contains(known, name) && !slices.ContainsFunc(known, within) {
			return fmt.Errorf("the programs are made of %s too: add it to `inputs` in infra/images/builder/source.go, or a change of it would not make a new image", name)
		}
	}
	return nil
}
