package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestBuiltDockerfilesMakeTheSameImages builds the last stage of each Dockerfile by a real engine, from
// the files of the images that the builder made, and compares. The stages that compile need base
// images, which no package registry carries: they are not built here.
func TestBuiltDockerfilesMakeTheSameImages(t *testing.T) {
	folder, engine := os.Getenv("IMAGES_DIR"), os.Getenv("IMAGES_BUILDAH")
	if folder == "" || engine == "" {
		t.Skip("run by `scripts/images test` where buildah is installed")
	}
	for _, name := range []string{"tenantry", "sample"} {
		t.Run(name, func(t *testing.T) {
			ours := filepath.Join(folder, name+".tar")
			theirs := engineBuilds(t, engine, name, ours)
			if want, got := tree(t, ours), tree(t, theirs); !maps.Equal(want, got) {
				t.Errorf("files differ\nbuilder:    %v\nDockerfile: %v", want, got)
			}
			if want, got := settings(t, ours), settings(t, theirs); !reflect.DeepEqual(want, got) {
				t.Errorf("settings differ\nbuilder:    %+v\nDockerfile: %+v", want, got)
			}
		})
	}
}

// engineBuilds returns the tar of the image that the Dockerfile's stage `packed` makes.
func engineBuilds(t *testing.T, engine, name, ours string) string {
	t.Helper()
	work := t.TempDir()
	context := filepath.Join(work, "context")
	if err := cmdContext(t.Context(), []string{ours, context}, nil); err != nil {
		t.Fatal(err)
	}
	told, err := inspect(ours)
	if err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(work, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	buildah := func(args ...string) {
		t.Helper()
		cmd := exec.Command(engine, append([]string{"--storage-driver", "vfs", "--root", filepath.Join(work, "storage"),
			"--runroot", filepath.Join(work, "run")}, args...)...)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("buildah %v: %v\n%s", args, err, said)
		}
	}
	args := []string{"build", "--signature-policy", policy, "--isolation", "chroot", "--target", "packed", "--tag", "localhost/" + name,
		"--file", filepath.Join("..", name, "Dockerfile")}
	for argument, label := range map[string]string{"VERSION": labelVersion, "REVISION": labelRevision, "CREATED": labelCreated} {
		args = append(args, "--build-arg", argument+"="+told.Labels[label])
	}
	if libc := told.Labels[labelLibc]; libc != "" {
		args = append(args, "--build-arg", "LIBC="+libc)
	}
	buildah(append(args, context)...)
	out := filepath.Join(work, "image.tar")
	buildah("push", "--signature-policy", policy, "localhost/"+name, "docker-archive:"+out+":localhost/"+name+":test")
	return out
}

// tree is every file of an image with what matters of it.
func tree(t *testing.T, image string) map[string]string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := unpack(image, root, everywhere); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		body := []byte{}
		if info.Mode().IsRegular() {
			if body, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		if info.Mode().Type() == fs.ModeSymlink {
			leads, err := os.Readlink(path)
			if err != nil {
				return err
			}
			body = []byte(leads)
		}
		files[path[len(root):]] = fmt.Sprintf("%v %d:%d %x", info.Mode(), owner.Uid, owner.Gid, sha256.Sum256(body))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// settings are what a runtime reads of an image, without what the engine adds of itself.
func settings(t *testing.T, path string) v1.Config {
	t.Helper()
	image, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(config.Config)
	if err != nil {
		t.Fatal(err)
	}
	var read v1.Config
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	delete(read.Labels, "io.buildah.version")
	if slices.Equal(read.Env, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}) {
		read.Env = nil
	}
	return read
}
