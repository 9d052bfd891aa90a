package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ownChildren are those that this program waits for itself. The first process
// of a real ground also becomes the parent of what others leave behind, and
// must not take its own children's end away from who waits for it.
type ownChildren struct {
	sync.Mutex
	pids map[int]bool
}

var own = ownChildren{pids: map[int]bool{}}

func (o *ownChildren) start(cmd *exec.Cmd) error {
	o.Lock()
	defer o.Unlock()
	err := cmd.Start()
	if err == nil {
		o.pids[cmd.Process.Pid] = true
	}
	return err
}

func (o *ownChildren) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	o.Lock()
	defer o.Unlock()
	delete(o.pids, cmd.Process.Pid)
	return err
}

// reap takes in strangers' ended processes for as long as the context lives.
func (o *ownChildren) reap(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			o.reapOnce()
		}
	}
}

func (o *ownChildren) reapOnce() {
	o.Lock()
	defer o.Unlock()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		text := string(data)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(fields) > 1 && fields[0] == "Z" && fields[1] == strconv.Itoa(os.Getpid()) && !o.pids[pid] {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}
