package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// The addresses exist in the ground's own network namespace only, so every
// ground uses the same ones.
const (
	nodeIPv4   = "10.243.0.1"
	nodeLink   = "tn-node"
	realPods   = "10.244.0.0/16"
	namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
)

// hostFolders are what programs need of the machine; they see it read-only.
var hostFolders = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt"}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

// bind shows a folder at the same path below root.
func bind(path, root string, readOnly bool) error {
	target := filepath.Join(root, path)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	flags := uintptr(syscall.MS_BIND)
	if path == "/dev" || path == "/sys" {
		flags |= syscall.MS_REC
	}
	if err := mount(path, target, "", flags, ""); err != nil || !readOnly {
		return err
	}
	return mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
}

// newRoot gives this process, which is alone in a mount namespace, a root
// folder in which nothing of the machine can be changed but the ground's own
// folder. So whatever kubelet, containerd and the plugins write to /run,
// /var and /tmp ends with the namespace or lies in that folder.
func newRoot(d dir, tools []string) error {
	root := d.path("root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", root, "tmpfs", 0, "mode=0755"); err != nil {
		return err
	}
	if err := fillRoot(d, root, tools); err != nil {
		return err
	}
	old := filepath.Join(root, ".old")
	if err := os.Mkdir(old, 0o700); err != nil {
		return err
	}
	if err := syscall.PivotRoot(root, old); err != nil {
		return fmt.Errorf("change the root folder: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Unmount("/.old", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the machine's root folder: %w", err)
	}
	if err := os.Remove("/.old"); err != nil {
		return err
	}
	// Volumes that ask for mount propagation need it inside the ground.
	return mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

func fillRoot(d dir, root string, tools []string) error {
	for _, name := range []string{"proc", "run", "tmp", "root", "var"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), os.ModeSticky|0o777); err != nil {
		return err
	}
	if err := mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		return err
	}
	for _, name := range hostFolders {
		if err := hostFolder(name, root); err != nil {
			return err
		}
	}
	if err := mount(d.path("node/var"), filepath.Join(root, "var"), "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	for _, path := range []string{"/dev", "/sys", string(d)} {
		if err := bind(path, root, false); err != nil {
			return err
		}
	}
	for _, path := range tools {
		if err := bind(path, root, true); err != nil {
			return err
		}
	}
	return nil
}

// hostFolder shows /NAME: a link as the same link, a folder read-only.
func hostFolder(name, root string) error {
	info, err := os.Lstat("/" + name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSymlink == 0:
		return bind("/"+name, root, true)
	}
	target, err := os.Readlink("/" + name)
	if err != nil {
		return err
	}
	return os.Symlink(target, filepath.Join(root, name))
}

// kubeletSettings are kernel settings of the whole machine that kubelet
// writes unless it reads these values. It reads them from files of ours, so
// the machine keeps its own.
var kubeletSettings = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

func hideSettings(d dir) error {
	for name, value := range kubeletSettings {
		file := d.path("node/settings", strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o444); err != nil {
			return err
		}
		if err := mount(file, "/proc/sys/"+name, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// newNetwork sets up the node's address. It may not be loopback, and not
// every kernel has dummy links, so a bridge without members carries it.
func newNetwork() error {
	for _, line := range []string{
		"link set lo up",
		"link add " + nodeLink + " type bridge",
		"addr add " + nodeIPv4 + "/32 dev " + nodeLink,
		"link set " + nodeLink + " up",
		// Without it services answer pods but not the node itself.
		"route add " + serviceCIDR + " dev " + nodeLink,
	} {
		if err := runOnce("ip", strings.Fields(line)...); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// runOnce runs a command to its end; its output is part of an error.
func runOnce(name string, args ...string) error {
	var output strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	err := own.start(cmd)
	if err == nil {
		err = own.wait(cmd)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(output.String()))
	}
	return nil
}
