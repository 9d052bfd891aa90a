package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// box is an image's root as a container would see it: its files, read-only, what a runtime writes into
// /etc, and one writable folder. No /proc, no /sys, no /dev: less than a container has.
type box struct {
	t    *testing.T
	root string
}

// open unpacks a built image. These tests need root and namespaces of their own, which
// `scripts/images test` gives them.
func open(t *testing.T, name string) *box {
	t.Helper()
	folder := os.Getenv("IMAGES_DIR")
	if folder == "" {
		t.Skip("run by `scripts/images test`: it needs built images, root and namespaces of its own")
	}
	b := &box{t: t, root: filepath.Join(t.TempDir(), "root")}
	if err := unpack(filepath.Join(folder, name+".tar"), b.root, everywhere); err != nil {
		t.Fatal(err)
	}
	return b
}

// write puts a file in, before the box is sealed.
func (b *box) write(path, text string) {
	b.t.Helper()
	at := filepath.Join(b.root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		b.t.Fatal(err)
	}
	out, err := os.OpenFile(at, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := out.WriteString(text); err != nil {
		b.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// seal makes the root read-only and /data a volume of the image's user.
func (b *box) seal() {
	b.t.Helper()
	data := filepath.Join(b.root, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, mount := range []func() error{
		func() error { return syscall.Mount(b.root, b.root, "", syscall.MS_BIND, "") },
		func() error { return syscall.Mount("data", data, "tmpfs", 0, "uid=65532,gid=65532,mode=0700") },
		func() error {
			return syscall.Mount("", b.root, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		},
	} {
		if err := mount(); err != nil {
			b.t.Fatalf("mount: %v; run by `scripts/images test` as root", err)
		}
	}
	b.t.Cleanup(func() { _ = syscall.Unmount(b.root, syscall.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(b.root, "probe"), nil, 0o600); err == nil {
		b.t.Fatal("the root can be written to: nothing here shows what it is meant to")
	}
}

// command is a program of the image, as its user, with an environment of nothing but what is given.
func (b *box) command(ctx context.Context, args []string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", append([]string{"PATH=/"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: b.root, Credential: &syscall.Credential{Uid: nonroot, Gid: nonroot},
	}
	return cmd
}

// does runs a program to its end.
func (b *box) does(args ...string) string {
	b.t.Helper()
	said, err := b.ends(args...)
	if err != nil {
		b.t.Fatalf("%v: %v\n%s", args, err, said)
	}
	return said
}

// fails runs a program that must not succeed, and must say why.
func (b *box) fails(why string, args ...string) {
	b.t.Helper()
	said, err := b.ends(args...)
	if err == nil || !strings.Contains(said, why) || strings.Contains(said, "panicked") {
		b.t.Errorf("%v: %v, and %q is not in what it says:\n%s", args, err, why, said)
	}
}

func (b *box) ends(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	said, err := b.command(ctx, args).CombinedOutput()
	return string(said), err
}

// running is a program that goes on.
type running struct {
	t   *testing.T
	cmd *exec.Cmd
	log *log
}

// log collects what a program says while it runs.
type log struct {
	sync.Mutex
	bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}

func (l *log) text() string {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.String()
}

func (b *box) starts(args []string, env ...string) *running {
	b.t.Helper()
	r := &running{t: b.t, cmd: b.command(context.Background(), args, env...), log: &log{}}
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		b.t.Fatalf("%v: %v", args, err)
	}
	b.t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait() })
	return r
}

// stop asks it to end and wants a good end.
func (r *running) stop() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Fatalf("after SIGTERM: %v\n%s", err, r.log.text())
	}
}

// answers waits until a URL says 200.
func (r *running) answers(url string) string {
	r.t.Helper()
	last := ""
	r.until(url, func() bool {
		status, text, err := get(url)
		last = text
		return err == nil && status == http.StatusOK
	})
	return last
}

// until waits for a condition, and shows the log when it does not come.
func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for limit := time.After(time.Minute); !holds(); {
		select {
		case <-look.C:
		case <-limit:
			r.t.Fatalf("%s: not within a minute\n%s", what, r.log.text())
		}
	}
}

func get(url string) (int, string, error) {
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(answer.Body)
	return answer.StatusCode, text.String(), err
}

// loopback brings up the one interface of a new network namespace.
func loopback(t *testing.T) {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatalf("bring up lo: %v; run by `scripts/images test` as root", err)
	}
}
