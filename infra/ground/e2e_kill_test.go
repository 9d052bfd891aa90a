package main

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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

// starter is who is killed where nobody else is there yet.
const starter = "start"

// startsAreKilled: at moments that chance draws, of the time that a start
// takes, one of its programs is killed. Nothing is left then, wherever it was.
// GROUND_SEED draws the same moments again.
func startsAreKilled(t *testing.T, mode string, whole time.Duration, times int, victims ...string) {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("GROUND_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d starts are killed at the moments of GROUND_SEED=%d", times, seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	for range times {
		moment, victim := time.Duration(chance.Int64N(int64(whole))), victims[chance.IntN(len(victims))]
		k := killed{dir: dir(filepath.Join(t.TempDir(), "g")), mode: mode, victim: victim}
		k.after(t, moment)
		if t.Failed() {
			t.Fatalf("%s of a %s ground, killed after %s", victim, mode, moment)
		}
	}
}

// killed is a ground that does not get ready.
type killed struct {
	dir          dir
	mode, victim string
}

func (k killed) after(t *testing.T, moment time.Duration) {
	t.Helper()
	var before []string
	if k.mode == "real" {
		before = traces(t)
	}
	t.Cleanup(func() { _ = stop(k.dir, true, io.Discard) })
	cmd := exec.Command(os.Args[0], "start", "--mode", k.mode, "--dir", string(k.dir))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended: // a machine that has become faster
	case <-time.After(moment):
	}
	k.kill(cmd.Process)
	<-ended
	// A fleet's programs are the machine's own: they wait for stop.
	for deadline := time.Now().Add(patience); k.mode == "real" && len(atWork(k.dir)) > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if left := atWork(k.dir); k.mode == "real" && len(left) > 0 {
		t.Errorf("left by themselves: %v", left)
	}
	if err := stop(k.dir, true, io.Discard); err != nil || exists(string(k.dir)) {
		t.Errorf("stop afterwards: %v", err)
	}
	(&real{dir: k.dir}).leftNothing(t)
	if k.mode == "real" {
		if after := traces(t); !slices.Equal(after, before) {
			t.Errorf("the machine is not as it was\nbefore: %v\nafter:  %v", before, after)
		}
	}
}

// kill ends the victim, or who is there in its place: the start of a ground
// that has none yet, the keeper of one that is ready already.
func (k killed) kill(start *os.Process) {
	name := k.victim
	st, err := loadState(k.dir)
	if err != nil {
		st = &state{}
	}
	if name == starter && st.Phase == "ready" {
		name = keeperProcess
	}
	if victim, ok := st.find(name); ok {
		victim.signal(syscall.SIGKILL)
	} else {
		_ = start.Kill()
	}
}
