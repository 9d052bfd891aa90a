package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// Descriptors that start and keeper hand on.
const (
	reportFD = 3
	apiFD    = 4
)

// cmdKeep is the keeper: see real.go.
func cmdKeep(ctx context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("keep", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	d := dir(*name)
	report, api, err := inherited()
	if err != nil {
		return err
	}
	spec, err := loadSpec(d)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		word := make([]byte, len(keepWord))
		if _, err := io.ReadFull(os.Stdin, word); err != nil {
			cancel() // start is gone before its ground was ready
		}
	}()
	if err := makeCgroup(spec.Cgroup); err != nil {
		return err
	}
	err = keep(ctx, d, report, api)
	if sweepErr := sweepCgroup(spec.Cgroup); err == nil {
		err = sweepErr
	}
	return err
}

// inherited takes the descriptors that start has passed on, and keeps them
// from this program's own children.
func inherited() (report *os.File, api net.Listener, err error) {
	syscall.CloseOnExec(reportFD)
	syscall.CloseOnExec(apiFD)
	file := os.NewFile(apiFD, "api")
	if file == nil {
		return nil, nil, fmt.Errorf("%w: `keep` is started by `ground start --mode real` only", errUsage)
	}
	defer file.Close()
	api, err = net.FileListener(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: `keep` is started by `ground start --mode real` only", errUsage)
	}
	return os.NewFile(reportFD, "report"), api, nil
}

// keep runs the first process and serves forwards until one of both ends.
func keep(ctx context.Context, d dir, report *os.File, api net.Listener) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stdin, lifeline, err := os.Pipe()
	if err != nil {
		return err
	}
	defer lifeline.Close()
	cmd := exec.Command(self, "init", "--dir="+string(d))
	cmd.Env, cmd.Stdin, cmd.ExtraFiles = bareEnv(d), stdin, []*os.File{report}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	first, err := begin(d, firstProcess, cmd)
	stdin.Close()
	if err != nil {
		return err
	}
	sender{report}.send(message{Process: &first.process})
	report.Close()
	f := &forwarder{dir: d, first: first.process, open: map[string]string{}}
	f.serve(api, net.JoinHostPort(nodeIPv4, fmt.Sprint(apiPort)))
	err = f.listen()
	if err == nil {
		select {
		case <-ctx.Done():
		case <-first.exited:
		}
	}
	_ = first.cmd.Process.Kill()
	<-first.exited // and with it everything inside
	_ = os.Remove(d.path(controlSocket))
	return err
}
