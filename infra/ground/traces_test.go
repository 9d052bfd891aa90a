package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leftNothing: no mount, no control group, nobody who works in the folder.
func (r *real) leftNothing(t *testing.T) {
	t.Helper()
	left := atWork(r.dir)
	for _, folder := range cgroupFolders(cgroupName(r.dir)) {
		if exists(folder) {
			left = append(left, folder)
		}
	}
	for _, what := range left {
		t.Errorf("%s is left", what)
	}
}

// atWork are the mounts of a folder and the processes of its ground.
func atWork(d dir) (left []string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || bytes.Contains(mounts, []byte(d)) {
		left = append(left, fmt.Sprintf("a mount of %s (%v)", d, err))
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		data, _ := os.ReadFile(line)
		// The watcher ends with the state file, not with the processes.
		if bytes.Contains(data, []byte(d)) && !bytes.Contains(data, []byte("\x00watch\x00")) {
			left = append(left, fmt.Sprintf("%s: %q", line, data))
		}
	}
	return left
}

// traces are what a ground could leave on the machine: links, rules, kernel
// settings, and what programs write at fixed places. A ground's own control
// groups are leftNothing's; those of others may come and go meanwhile.
func traces(t *testing.T) []string {
	t.Helper()
	var all []string
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		all = append(all, "link "+l.Name)
	}
	tables, err := exec.Command("nft", "list", "tables").Output()
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, "tables "+string(tables))
	settings := []string{"net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/netfilter/nf_conntrack_max"}
	for name := range kubeletSettings {
		settings = append(settings, name)
	}
	slices.Sort(settings)
	for _, name := range settings {
		data, _ := os.ReadFile("/proc/sys/" + name)
		all = append(all, name+" "+strings.TrimSpace(string(data)))
	}
	for _, pattern := range []string{"/run/netns/*", "/var/lib/cni", "/var/lib/kubelet", "/var/log/pods", "/var/log/containers", "/etc/cni/net.d",
		"/run/containerd/*", "/var/lib/containerd/*", "/usr/libexec/kubernetes", cgroupMount + "/*/kubepods"} {
		found, _ := filepath.Glob(pattern)
		all = append(all, found...)
	}
	return all
}
