package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	grace = 4 * time.Second
	// A start that is told to end ends all it began first.
	lockPatience = 2 * time.Minute
)

// stop ends a ground from any state: starting, running, half dead, gone.
func stop(d dir, purge bool, out io.Writer) error {
	begin := time.Now()
	release, found, err := lockForStop(d)
	if err != nil {
		return err
	}
	defer release()
	st, err := loadState(d)
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(out, found)
		if purge {
			return removeAll(d, true)
		}
		return nil
	}
	if err != nil {
		return err
	}
	running := 0
	for _, p := range st.Processes {
		if p.alive() {
			running++
		}
	}
	if first, ok := st.find(firstProcess); ok {
		running += len(insiders(first))
	}
	if err := takeDown(d, st, purge); err != nil {
		return err
	}
	kept := "logs kept in " + d.path("logs")
	if purge {
		kept = "nothing kept"
	}
	fmt.Fprintf(out, "stopped %d processes in %.1f s, %s\n", running, time.Since(begin).Seconds(), kept)
	return nil
}

// lockForStop gets the folder to itself; found says what a stop that then
// finds no ground may tell.
func lockForStop(d dir) (release func(), found string, err error) {
	found = fmt.Sprintf("no ground runs in %s", d)
	release, err = lock(d.path(".lock"), 0)
	if errors.Is(err, errLocked) {
		// A start in progress cleans up after itself when told to end.
		if st, err := loadState(d); err == nil && st.Phase == "starting" {
			st.Starter.signal(syscall.SIGTERM)
			found = fmt.Sprintf("the start in %s is given up and cleaned up", d)
		}
		release, err = lock(d.path(".lock"), lockPatience)
	}
	if err != nil {
		return nil, "", fmt.Errorf("another `ground start` or `stop` holds %s: %w; end it first", d, err)
	}
	return release, found, nil
}

// takeDown ends all processes of a ground, removes its data, and forgets it.
// The state file goes last: until then a second stop can finish the work.
func takeDown(d dir, st *state, purge bool) error {
	if st.Watcher != nil && st.Watcher.PID != os.Getpid() {
		st.Watcher.signal(syscall.SIGKILL)
	}
	volumes := volumeFolders(d, st)
	// Clients first, their server next, its store last: each can then end in
	// order instead of waiting for a peer that is gone.
	var clients, servers, stores []process
	for _, p := range st.Processes {
		switch p.Name {
		case "etcd":
			stores = append(stores, p)
		case "kube-apiserver":
			servers = append(servers, p)
		default:
			clients = append(clients, p)
		}
	}
	for _, group := range [][]process{clients, servers, stores, strays(d, st)} {
		if err := endAll(group, grace); err != nil {
			return err
		}
	}
	for _, folder := range volumes {
		_ = os.Remove(folder) // only empty ones; the shared parent stays
	}
	if st.Real != nil {
		if err := sweepCgroup(st.Real.Cgroup); err != nil {
			return err
		}
	}
	if st.Scratch != "" && strings.HasPrefix(filepath.Base(st.Scratch), "ground-") {
		_ = os.RemoveAll(st.Scratch)
	}
	return removeAll(d, purge)
}

// removeAll removes exactly what a ground makes, never a folder's other
// contents: --dir may be anything.
func removeAll(d dir, purge bool) error {
	names := []string{"etcd", "etcd.sock", "pki", "kubeconfig", "audit-policy.yaml", "scheduler.yaml", "kwok.yaml"}
	names = append(names, realFiles...)
	if purge {
		names = append(names, "logs", "audit.log")
	}
	// Of a start that was killed while it wrote.
	halves, _ := filepath.Glob(d.stateFile() + ".tmp-*")
	for _, half := range halves {
		names = append(names, filepath.Base(half))
	}
	for _, name := range append(names, "state.json") {
		if err := os.RemoveAll(d.path(name)); err != nil {
			return err
		}
	}
	if purge {
		_ = os.Remove(d.path(".lock"))
		_ = os.Remove(string(d)) // only if nothing else is in it
	}
	return nil
}

// volumeFolders lists the host folders that the controller manager made for
// this ground's volumes. They lie outside our folder, so they must be asked
// for while the API server still answers; if it does not, they stay.
func volumeFolders(d dir, st *state) []string {
	if st.Real != nil {
		return nil // they lie in the ground's folder
	}
	client, err := newAPI(d, st.Server)
	if err != nil || !st.alive() {
		return nil
	}
	defer client.close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var list struct {
		Items []struct {
			Spec struct{ HostPath *struct{ Path string } }
		}
	}
	if client.do(ctx, "GET", "/api/v1/persistentvolumes?resourceVersion=0", nil, &list) != nil {
		return nil
	}
	var folders []string
	for _, pv := range list.Items {
		if pv.Spec.HostPath != nil && filepath.Dir(filepath.Clean(pv.Spec.HostPath.Path)) == hostPaths {
			folders = append(folders, pv.Spec.HostPath.Path)
		}
	}
	return folders
}

// tie starts the watcher that ends this ground when a given process does.
func (g *ground) tie() error {
	target, err := identify("tied to", g.opts.tieTo)
	if err != nil {
		return fmt.Errorf("--tie-to-pid: no process %d", g.opts.tieTo)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c, err := launch(g.dir, "watch", self, "watch", "--dir="+string(g.dir),
		fmt.Sprintf("--pid=%d", target.PID), fmt.Sprintf("--ticks=%d", target.Ticks))
	if err != nil {
		return err
	}
	g.state.Watcher = &c.process
	return g.state.save(g.dir)
}

// cmdWatch waits for the end of a process, then stops the ground. A killed
// test cannot clean up; this does it for the test.
func cmdWatch(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("watch", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	target := process{Name: "tied to", Boot: bootID()}
	fs.IntVar(&target.PID, "pid", 0, "")
	fs.Uint64Var(&target.Ticks, "ticks", 0, "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	d := dir(*name)
	for target.alive() {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		if _, err := os.Stat(d.stateFile()); err != nil {
			return nil // stopped by somebody else
		}
	}
	fmt.Fprintf(out, "process %d ended: stopping\n", target.PID)
	return stop(d, false, out)
}
