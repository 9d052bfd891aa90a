package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const cgroupMount = "/sys/fs/cgroup"

// Kubelets share the machine's control groups, so each ground's pods live
// under a group of its own: a kubelet ends what it does not know.
func cgroupName(d dir) string {
	sum := sha256.Sum256([]byte(d))
	return "tenantry-ground-" + hex.EncodeToString(sum[:6])
}

// cgroupFolders are the places of a group: one a controller with version 1,
// one altogether with version 2.
func cgroupFolders(name string) []string {
	if cgroupV2() {
		return []string{filepath.Join(cgroupMount, name)}
	}
	var folders []string
	entries, _ := os.ReadDir(cgroupMount)
	for _, e := range entries {
		// Names such as cpu,cpuacct have links beside them.
		if e.IsDir() {
			folders = append(folders, filepath.Join(cgroupMount, e.Name(), name))
		}
	}
	return folders
}

func cgroupV2() bool {
	_, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers"))
	return err == nil
}

// makeCgroup makes a ground's group in every hierarchy.
func makeCgroup(name string) error {
	if cgroupV2() {
		// Usually the system has done it; who cannot gets kubelet's complaint.
		_ = os.WriteFile(filepath.Join(cgroupMount, "cgroup.subtree_control"), []byte("+cpu +cpuset +memory +pids"), 0)
	}
	for _, folder := range cgroupFolders(name) {
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make the ground's control group: %w", err)
		}
		// A group without processors or memory nodes takes no process.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			parent, err := os.ReadFile(filepath.Join(filepath.Dir(folder), file))
			if err == nil && len(strings.TrimSpace(string(parent))) > 0 {
				_ = os.WriteFile(filepath.Join(folder, file), parent, 0)
			}
		}
	}
	return nil
}

// sweepCgroup removes a group and all below it. Its processes are gone, but
// the kernel needs a moment to say so.
func sweepCgroup(name string) error {
	if !strings.HasPrefix(name, "tenantry-ground-") {
		return nil
	}
	var err error
	for deadline := time.Now().Add(killPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = removeGroups(cgroupFolders(name)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("remove the ground's control groups: %w; `rmdir` them by hand once their processes are gone", err)
}

func removeGroups(roots []string) error {
	var failed error
	for _, root := range roots {
		var all []string
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		slices.Reverse(all) // the innermost first
		for _, folder := range all {
			if err := os.Remove(folder); err != nil && !errors.Is(err, os.ErrNotExist) {
				failed = err
			}
		}
	}
	return failed
}
