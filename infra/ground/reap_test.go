package main

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// adopt makes this process the parent of its descendants' orphans, as the
// first process of a ground is.
func adopt(t *testing.T) {
	t.Helper()
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		t.Skip(errno)
	}
	t.Cleanup(func() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 0, 0) })
}

func TestOrphansAreReapedAndOwnChildrenAreNot(t *testing.T) {
	adopt(t)
	mine := program(t, "exit 3")
	out, err := exec.Command("sh", "-c", "sleep 0 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		own.reapOnce()
		if _, _, err := procStat(orphan); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the orphan was not reaped")
		}
	}
	<-mine.exited
	if code := mine.cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("the own child's exit code is %d", code)
	}
}

func TestWhatRunsInsideIsFoundThroughItsParents(t *testing.T) {
	shell := program(t, "sleep 60 & wait")
	var found []insider
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && (len(found) == 0 || found[0].Name != "sleep"); time.Sleep(5 * time.Millisecond) {
		found = insiders(shell.process)
	}
	if len(found) != 1 || found[0].Name != "sleep" {
		t.Fatalf("found %v", found)
	}
	if p, ok := findInside(shell.process, "sleep"); !ok || p.PID != found[0].PID {
		t.Errorf("by name: %v", p)
	}
	found[0].signal(syscall.SIGKILL)
	if !waitGone([]process{found[0].process}, time.Minute) {
		t.Error("it is still there")
	}
}
