package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// gap is something that a real node needs and this machine lacks.
type gap struct {
	what, remedy string
	pkg          string // the Debian package that closes it, if one does
}

// machine is what preconditions look at, so that tests can fake it.
type machine struct {
	root   bool
	find   func(program string) bool
	there  func(path string) bool
	groups func() string   // what is wrong with the control groups, "" if nothing
	kernel func() []string // what the kernel refused when tried in namespaces
}

// programs that a node needs, and their Debian packages.
var nodePrograms = []struct{ name, pkg string }{
	{"containerd", "containerd"}, {"ctr", "containerd"}, {"runc", "runc"}, {"nft", "nftables"}, {"iptables", "iptables"},
	{"ip", "iproute2"}, {"conntrack", "conntrack"}, {"nsenter", "util-linux"}, {"mount", "util-linux"},
}

// realGaps lists all that is missing, one gap a thing, so that a person sees
// everything at once. The kernel is tried only when the programs are there.
func realGaps(m machine) []gap {
	var gaps []gap
	if sysSetns == 0 {
		gaps = append(gaps, gap{what: "processor " + runtime.GOARCH, remedy: "a real node runs on amd64 and arm64"})
	}
	if !m.root {
		gaps = append(gaps, gap{what: "root", remedy: "namespaces, mounts and interfaces need it: run as root"})
	}
	for _, p := range nodePrograms {
		if !m.find(p.name) && !slices.ContainsFunc(gaps, func(g gap) bool { return g.pkg == p.pkg }) {
			gaps = append(gaps, gap{p.name, "Debian: apt-get install " + p.pkg, p.pkg})
		}
	}
	if !m.there(pluginFolder(m.there) + "/bridge") {
		gaps = append(gaps, gap{"CNI plugins", "Debian: apt-get install containernetworking-plugins", "containernetworking-plugins"})
	}
	if problem := m.groups(); problem != "" {
		gaps = append(gaps, gap{what: "control groups", remedy: problem})
	}
	if len(gaps) > 0 {
		return gaps
	}
	for _, problem := range m.kernel() {
		gaps = append(gaps, gap{what: "kernel", remedy: problem})
	}
	return gaps
}

// refusal is one line a gap, and the way out.
func refusal(gaps []gap) error {
	var b strings.Builder
	b.WriteString("this machine cannot run a real node:\n")
	for _, g := range gaps {
		fmt.Fprintf(&b, "  missing  %s (%s)\n", g.what, g.remedy)
	}
	b.WriteString("or use --mode fleet, which needs none of this; its pods are simulated")
	return errors.New(b.String())
}

// cmdCheck says whether a mode can run here, for people and scripts.
func cmdCheck(_ context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("check", flag.ContinueOnError)
	mode := fs.String("mode", "fleet", "")
	packages := fs.Bool("packages", false, "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	if _, ok := modes[*mode]; !ok {
		return fmt.Errorf("%w: no mode %q: use --mode fleet or --mode real", errUsage, *mode)
	}
	var gaps []gap
	if *mode == "real" {
		gaps = realGaps(thisMachine())
	}
	if *packages {
		for _, g := range gaps {
			if g.pkg != "" {
				fmt.Fprintln(out, g.pkg)
			}
		}
		return nil
	}
	if len(gaps) > 0 {
		return refusal(gaps)
	}
	fmt.Fprintf(out, "this machine can run --mode %s\n", *mode)
	return nil
}

func thisMachine() machine {
	return machine{root: os.Geteuid() == 0, find: findProgram, there: exists, groups: groupProblem, kernel: tryKernel}
}

// findProgram looks where root's programs are too, which a person's PATH may lack.
func findProgram(name string) bool {
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	return exists("/usr/sbin/"+name) || exists("/sbin/"+name)
}

// groupProblem tries what a ground does first with control groups.
func groupProblem() string {
	needed := []string{"cpu", "cpuset", "memory", "pids"}
	if cgroupV2() {
		data, _ := os.ReadFile(filepath.Join(cgroupMount, "cgroup.controllers"))
		for _, name := range needed {
			if !slices.Contains(strings.Fields(string(data)), name) {
				return "the controller " + name + " is not in " + cgroupMount + "/cgroup.controllers: enable it in the kernel or the container"
			}
		}
	} else {
		for _, name := range needed {
			if !exists(filepath.Join(cgroupMount, name)) {
				return "no controller " + name + " in " + cgroupMount + ": mount it, or enable it in the kernel or the container"
			}
		}
	}
	probe := fmt.Sprintf("tenantry-ground-try-%d", os.Getpid())
	err := makeCgroup(probe)
	if sweepErr := sweepCgroup(probe); err == nil {
		err = sweepErr
	}
	if err != nil {
		return err.Error() + ": control groups must be writable; in a container, run it privileged"
	}
	return ""
}

// tryKernel runs `ground try` in namespaces like those of a ground.
func tryKernel() []string {
	self, err := os.Executable()
	if err != nil {
		return []string{err.Error()}
	}
	cache, err := cacheDir()
	if err != nil {
		return []string{err.Error()}
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return []string{err.Error()}
	}
	folder, err := os.MkdirTemp(cache, "try-")
	if err != nil {
		return []string{err.Error()}
	}
	defer os.RemoveAll(folder)
	cmd := exec.Command(self, "try", "--dir="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	output, err := cmd.Output()
	if err != nil && len(output) == 0 {
		return []string{fmt.Sprintf("no new namespaces (%v): in a container, run it privileged", err)}
	}
	return strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' })
}

// cmdTry does, in namespaces of its own, one of each thing that a node does to
// the kernel, and prints what was refused.
func cmdTry(_ context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("try", flag.ContinueOnError)
	folder := fs.String("dir", "", "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	if os.Getpid() != 1 || *folder == "" {
		return fmt.Errorf("%w: `try` is started by `ground check --mode real` only", errUsage)
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return err
	}
	refused := false
	for _, trial := range []struct {
		remedy string
		do     func() error
	}{
		{"the kernel module veth", func() error {
			return runOnce("ip", "link", "add", "tn-try0", "type", "veth", "peer", "name", "tn-try1")
		}},
		{"the kernel module bridge", func() error { return runOnce("ip", "link", "add", "tn-try2", "type", "bridge") }},
		{"the kernel module nf_tables", func() error {
			return runOnce("nft", "add table ip tn_try; add chain ip tn_try c { type nat hook postrouting priority 100; }; add rule ip tn_try c masquerade")
		}},
		{"the kernel module nft_compat or ip_tables", func() error { return runOnce("iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE") }},
		{"the kernel module overlay, and a cache folder on a plain disk (TENANTRY_CACHE)", func() error { return tryOverlay(*folder) }},
	} {
		if err := trial.do(); err != nil {
			refused = true
			fmt.Fprintf(out, "%s; needed: %s\n", strings.ReplaceAll(err.Error(), "\n", " "), trial.remedy)
		}
	}
	if refused {
		return exitCode(1)
	}
	return nil
}

func tryOverlay(folder string) error {
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			return err
		}
	}
	data := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", folder)
	return mount("overlay", filepath.Join(folder, "merged"), "overlay", 0, data)
}
