package main

import (
	"io"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// keeperIsKilled: all ends but the control groups, which stop removes. The
// ground starts in the folder of one that was killed.
func (r *real) keeperIsKilled(t *testing.T) {
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	all := r.all()
	keeper, _ := r.st.find(keeperProcess)
	keeper.signal(syscall.SIGKILL)
	if !waitGone(all, patience) {
		t.Errorf("left after the keeper was killed: %v", running(all))
	}
	r.run(t, "stop")
	r.leftNothing(t)
}

// endsWithItsOwner: `--tie-to-pid`, for tests that are killed.
func (r *real) endsWithItsOwner(t *testing.T) {
	owner := exec.Command("sleep", "600")
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	r.owner = owner.Process.Pid
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	all := append(r.all(), *r.st.Watcher)
	_ = owner.Process.Kill()
	_ = owner.Wait()
	if !waitGone(all, patience) {
		t.Errorf("left after the owner's end: %v", running(all))
	}
	r.leftNothing(t)
}

// startIsKilled: a start that is killed before its ground is ready takes
// everything with it.
func (r *real) startIsKilled(t *testing.T) {
	cmd := r.program("start", "--mode", "real", "--dir", string(r.dir))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var init process
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no first process in time")
		}
		st, err := loadState(r.dir)
		if err != nil {
			continue
		}
		var ok bool
		if init, ok = st.find(firstProcess); ok && len(insiders(init)) > 2 {
			r.st = st
			break
		}
	}
	all := r.all()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !waitGone(all, patience) {
		t.Errorf("left after start was killed: %v", running(all))
	}
	r.leftNothing(t)
	if err := stop(r.dir, true, io.Discard); err != nil || exists(string(r.dir)) {
		t.Errorf("stop afterwards: %v", err)
	}
}
