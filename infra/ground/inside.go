package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// realDir finds a running ground with a real node, and its first process.
func realDir(name string) (dir, *state, process, error) {
	d, st, err := runningDir(name)
	if err != nil {
		return "", nil, process{}, err
	}
	first, ok := st.find(firstProcess)
	if !ok {
		return "", nil, process{}, fmt.Errorf("the ground in %s has no real node: start one with --mode real", d)
	}
	return d, st, first, nil
}

// enter is the command line that runs a program in the ground's namespaces.
func enter(first process, command ...string) []string {
	args := []string{"nsenter", "--target", strconv.Itoa(first.PID), "--mount", "--net", "--pid", "--uts", "--ipc", "--root", "--wd", "--"}
	return append(args, command...)
}

func cmdExec(_ context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("exec", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	if err := parse(fs, args, true); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return fmt.Errorf("%w: exec needs a command: ground exec --dir DIR -- ip address", errUsage)
	}
	d, _, first, err := realDir(*name)
	if err != nil {
		return err
	}
	bin, err := exec.LookPath("nsenter")
	if err != nil {
		return fmt.Errorf("nsenter is missing (Debian: apt-get install util-linux)")
	}
	// exec, not a child: signals, terminal and exit code are the command's own.
	return fmt.Errorf("run %s: %w", bin, syscall.Exec(bin, enter(first, fs.Args()...), insideEnv(d)))
}

func insideEnv(d dir) []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + string(d), "TERM=" + os.Getenv("TERM"), "KUBECONFIG=" + d.kubeconfig()}
}

// cmdImport loads image files into the node's containerd. They are read here,
// for the machine's folders cannot be seen inside.
func cmdImport(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("import", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	if err := parse(fs, args, true); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return fmt.Errorf("%w: import needs image files, as `docker save` or scripts/images write them", errUsage)
	}
	d, _, first, err := realDir(*name)
	if err != nil {
		return err
	}
	for _, file := range fs.Args() {
		names, err := imageNames(file)
		if err != nil {
			return err
		}
		if err := importImage(ctx, d, first, file); err != nil {
			return err
		}
		for _, n := range names {
			fmt.Fprintln(out, n)
		}
	}
	return nil
}

func importImage(ctx context.Context, d dir, first process, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	line := enter(first, "ctr", "--address="+containerdSocket, "--namespace=k8s.io", "images", "import", "-")
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdin, cmd.Env = in, insideEnv(d)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("import %s: %w: %s", file, err, bytes.TrimSpace(output))
	}
	return nil
}

// cmdRestart ends a part of the node; the first process starts it again.
func cmdRestart(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("restart", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	if err := parse(fs, args, true); err != nil {
		return err
	}
	parts := []string{"kubelet", "containerd", "kube-proxy", "coredns"}
	if fs.NArg() != 1 || !slices.Contains(parts, fs.Arg(0)) {
		return fmt.Errorf("%w: restart takes one of %s", errUsage, strings.Join(parts, ", "))
	}
	part := fs.Arg(0)
	_, _, first, err := realDir(*name)
	if err != nil {
		return err
	}
	old, ok := findInside(first, part)
	if !ok {
		return fmt.Errorf("%s does not run at the moment; `ground status` shows what does", part)
	}
	if err := endAll([]process{old}, grace); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if now, ok := findInside(first, part); ok && now != old {
			fmt.Fprintf(out, "%s runs again\n", part)
			return nil
		}
		if !first.alive() {
			return errors.New("the ground has ended")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("interrupted before %s ran again", part)
}

// insider is a process inside a ground, as seen from the machine.
type insider struct {
	process
	depth int // how many pid namespaces it is in, the machine's among them
}

// insiders lists what runs inside a ground: all that descends from its first
// process, for what loses its parent there becomes the first one's child.
func insiders(first process) []insider {
	parent, depth := map[int]int{}, map[int]int{}
	entries, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range entries {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, ":")
			switch key {
			case "PPid":
				parent[pid], _ = strconv.Atoi(strings.TrimSpace(value))
			case "NSpid":
				depth[pid] = len(strings.Fields(value))
			}
		}
	}
	var all []insider
	for pid := range parent {
		for up := parent[pid]; up > 1; up = parent[up] {
			if up == first.PID {
				if p, err := identify(commandName(pid), pid); err == nil {
					all = append(all, insider{process: p, depth: depth[pid]})
				}
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b insider) int { return a.PID - b.PID })
	return all
}

// commandName is the file name of a process's program.
func commandName(pid int) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	name, _, _ := bytes.Cut(data, []byte{0})
	return filepath.Base(string(name))
}

// findInside finds a part of the node or the control plane by its name.
func findInside(first process, name string) (process, bool) {
	level := len(pidNamespaces(first.PID))
	for _, p := range insiders(first) {
		if p.Name == name && p.depth == level && p.alive() {
			return p.process, true
		}
	}
	return process{}, false
}

func pidNamespaces(pid int) []string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return strings.Fields(value)
		}
	}
	return nil
}

// insideStatus sums up what runs inside: parts by name, pods together.
func insideStatus(d dir, first process) []processStatus {
	level := len(pidNamespaces(first.PID))
	var all []processStatus
	shims := processStatus{Name: "containerd-shim", Running: true}
	pods := processStatus{Name: "in pods", Running: true}
	for _, p := range insiders(first) {
		switch {
		case p.depth > level:
			pods.Count++
			pods.RSS += p.rssMiB()
		case strings.HasPrefix(p.Name, "containerd-shim"):
			shims.Count++
			shims.RSS += p.rssMiB()
		default:
			all = append(all, processStatus{Name: p.Name, PID: p.PID, Running: true, RSS: p.rssMiB(), Log: d.log(p.Name)})
		}
	}
	for _, sum := range []processStatus{shims, pods} {
		if sum.Count > 0 {
			all = append(all, sum)
		}
	}
	return all
}
