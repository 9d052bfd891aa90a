package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// program compiles a tiny program once per test, static unless the test wants otherwise.
func program(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	source := filepath.Join(folder, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(folder, "tiny")
	cmd := exec.Command("go", "build", "-trimpath", "-o", out, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return out
}

func pack(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	return out, run(context.Background(), append([]string{"pack", "--out", out}, args...), io.Discard)
}

func TestAPackedImageIsTheSameEveryTime(t *testing.T) {
	tiny := program(t)
	note := filepath.Join(t.TempDir(), "note")
	if err := os.WriteFile(note, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen [][]byte
	for range 2 {
		out, err := pack(t, "--name", "example.test/tiny:1", "--binary", tiny, "--file", note+"=/etc/note", "--ca",
			"--label", "a=b", "--label", "c=d", "--expose", "8080", "--created", "1700000000")
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, body)
		// Neither the age nor the mode of what is packed matters.
		if err := os.Chmod(note, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(note, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(seen[0], seen[1]) {
		t.Error("the second image differs from the first")
	}
}

func TestAPackedImageHoldsWhatWasAsked(t *testing.T) {
	out, err := pack(t, "--name", "example.test/tiny:1", "--binary", program(t), "--ca", "--label", "a=b", "--created", "1700000000")
	if err != nil {
		t.Fatal(err)
	}
	told, err := inspect(out)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told.Names, []string{"example.test/tiny:1"}) || !slices.Equal(told.Entrypoint, []string{"/tiny"}) || told.User != "65532:65532" {
		t.Errorf("got %+v", told)
	}
	if told.Labels["a"] != "b" || told.Labels[labelCreated] != "2023-11-14T22:13:20Z" {
		t.Errorf("labels: %v", told.Labels)
	}
	folder := filepath.Join(t.TempDir(), "root")
	if err := run(context.Background(), []string{"unpack", out, folder}, io.Discard); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{
		"tiny": 0o755, "etc/ssl/certs/ca-certificates.crt": 0o644, "tmp": os.ModeDir | os.ModeSticky | 0o777, "etc": os.ModeDir | 0o755,
	} {
		if info, err := os.Lstat(filepath.Join(folder, path)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v, want %v", path, info, err, mode)
		}
	}
}

func TestADockerHubNameStaysAsWritten(t *testing.T) {
	out, err := pack(t, "--name", "otel/collector:1", "--binary", program(t))
	if err != nil {
		t.Fatal(err)
	}
	if told, err := inspect(out); err != nil || !slices.Equal(told.Names, []string{"otel/collector:1"}) {
		t.Errorf("%+v %v", told.Names, err)
	}
}

func TestBadPackingIsRefusedWithTheRemedy(t *testing.T) {
	tiny := program(t)
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := map[string]string{"--name": "example.test/tiny:1", "--binary": tiny}
	for _, bad := range []struct {
		flag, value, says string
	}{
		{"--name", "", "--name"},
		{"--name", "example.test/tiny", "REPOSITORY:TAG"},
		{"--name", "Example.test/Tiny:1", "REPOSITORY:TAG"},
		{"--binary", "", "--binary"},
		{"--binary", "/nothing/there", "/nothing/there"},
		{"--binary", text, "no program"},
		{"--entrypoint", "tiny", "from the root"},
		{"--entrypoint", "/a/../tiny", "from the root"},
		{"--entrypoint", "/tmp/tiny/", "from the root"},
		{"--user", "nobody", "UID:GID"},
		{"--user", "-1", "UID:GID"},
		{"--file", "somewhere", "SOURCE=/PATH"},
		{"--file", "/nothing/there=/x", "/nothing/there"},
		{"--file", text + "=/tiny", "twice"},
		{"--file", text + "=/tiny/below", "is no folder"},
		{"--label", "alone", "KEY=VALUE"},
		{"--expose", "70000", "65535"},
		{"--expose", "http", "65535"},
		{"--created", "-5", "seconds"},
		{"--nothing", "x", "usage"},
	} {
		given := map[string]string{}
		for flag, value := range good {
			given[flag] = value
		}
		given[bad.flag] = bad.value
		var args []string
		for flag, value := range given {
			args = append(args, flag, value)
		}
		out, err := pack(t, args...)
		if err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s %q: %v, which does not say %q", bad.flag, bad.value, err, bad.says)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s %q: left %v", bad.flag, bad.value, left)
		}
	}
}

func TestADynamicProgramIsRefused(t *testing.T) {
	// The shell of the machine that tests this.
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(shell)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := static(body); err == nil {
		t.Skip("this machine's shell is static")
	} else if !strings.Contains(err.Error(), "linked dynamically") {
		t.Error(err)
	}
}

func TestALayerKnowsNothingOfTheMachine(t *testing.T) {
	packed, err := layer([]entry{file("/b/two", 0o755, []byte("2")), file("/a", 0o644, []byte("1")), folder("/c/d", 0o700, nonroot), link("/e", "b/two")})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := packed.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for read := tar.NewReader(stream); ; {
		header, err := read.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.ModTime.Unix() != 0 || header.Uname != "" || header.Gname != "" {
			t.Errorf("%s: %+v", header.Name, header)
		}
		if leads := header.Name == "e"; leads != (header.Typeflag == tar.TypeSymlink && header.Linkname == "b/two") {
			t.Errorf("%s: %+v", header.Name, header)
		}
		want := 0
		if header.Name == "c/d/" {
			want = nonroot
		}
		if header.Uid != want || header.Gid != want {
			t.Errorf("%s belongs to %d:%d", header.Name, header.Uid, header.Gid)
		}
	}
	if !slices.Equal(names, []string{"a", "b/", "b/two", "c/", "c/d/", "e"}) {
		t.Errorf("order: %v", names)
	}
}

func TestUnpackingStaysInItsFolder(t *testing.T) {
	out, err := pack(t, "--name", "example.test/tiny:1", "--binary", program(t))
	if err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(context.Background(), []string{"unpack", out, full}, io.Discard); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a folder with files: %v", err)
	}
	if err := run(context.Background(), []string{"unpack", filepath.Join(full, "mine"), t.TempDir()}, io.Discard); err == nil {
		t.Error("an empty file was taken for an image")
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	header := &tar.Header{Name: "../out", Typeflag: tar.TypeReg, Mode: 0o644}
	if err := placeOne(root, "../out", header, strings.NewReader("")); err == nil {
		t.Error("a file was written beside the folder")
	}
	for _, out := range []string{"/etc/passwd", "../passwd", ""} {
		header = &tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: out}
		if err := placeOne(root, "link", header, strings.NewReader("")); err == nil {
			t.Errorf("a link to %q was made", out)
		}
	}
	header = &tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "beside"}
	if err := placeOne(root, "link", header, strings.NewReader("")); err != nil {
		t.Error(err)
	}
}

func TestTheAuthoritiesAreCertificates(t *testing.T) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots()) {
		t.Fatal("no certificate in it")
	}
	if n := bytes.Count(roots(), []byte("BEGIN CERTIFICATE")); n < 100 {
		t.Errorf("%d authorities; Mozilla has some 140", n)
	}
}

func TestCommandLineMistakesAreNamed(t *testing.T) {
	for args, says := range map[string]string{
		"":                        "name a command",
		"bake":                    "bake",
		"build --libc uclibc":     "musl or gnu",
		"build --only everything": "one of",
		"build --created 5":       "--revision",
		"build extra":             "0 arguments",
		"inspect":                 "1 arguments",
	} {
		err := run(context.Background(), strings.Fields(args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestInspectPrintsJSON(t *testing.T) {
	packed, err := pack(t, "--name", "example.test/tiny:1", "--binary", program(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(context.Background(), []string{"inspect", packed}, &out); err != nil {
		t.Fatal(err)
	}
	var told about
	if err := json.Unmarshal(out.Bytes(), &told); err != nil || told.CompressedBytes < 1000 || !strings.HasPrefix(told.ID, "sha256:") {
		t.Errorf("%v %s", err, out.String())
	}
}
