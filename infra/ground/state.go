package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// dir is the folder of one ground. Everything it writes lies inside, except
// the etcd socket of a folder with a very long name (see socketPath).
type dir string

func (d dir) path(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}
func (d dir) kubeconfig() string { return d.path("kubeconfig") }
func (d dir) auditLog() string   { return d.path("audit.log") }
func (d dir) stateFile() string  { return d.path("state.json") }
func (d dir) log(name string) string {
	return d.path("logs", name+".log")
}

// state is what stop and status need to know. It is written after every
// process start, so that a killed `ground start` leaves nothing unknown.
type state struct {
	Mode      string            `json:"mode"`
	Phase     string            `json:"phase"` // starting, ready
	Dir       string            `json:"dir"`
	StartedAt time.Time         `json:"started_at"`
	ReadyIn   float64           `json:"ready_seconds,omitempty"`
	Server    string            `json:"server,omitempty"`
	Config    string            `json:"kubeconfig"`
	AuditLog  string            `json:"audit_log"`
	Tools     string            `json:"tools"`
	Versions  map[string]string `json:"versions"`
	Ports     map[string]int    `json:"ports"`
	Nodes     int               `json:"nodes"`
	Real      *realState        `json:"real,omitempty"`
	// Scratch is a folder outside Dir that stop removes, if one was needed.
	Scratch   string    `json:"scratch,omitempty"`
	Starter   process   `json:"starter"`
	Watcher   *process  `json:"watcher,omitempty"`
	Processes []process `json:"processes"`
}

// realState is what a ground with a real node has beyond a fleet.
type realState struct {
	Node      string   `json:"node"`
	Address   string   `json:"node_address"`
	Simulated []string `json:"simulated_nodes"`
	Taint     string   `json:"simulated_taint"`
	Volumes   string   `json:"volumes"` // the folder with those of claims
	Cgroup    string   `json:"cgroup"`
	// Commands are whole command lines; what they act on comes behind.
	Commands map[string][]string `json:"commands"`
}

func (st *state) save(d dir) error {
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	return writeAtomic(d.stateFile(), append(data, '\n'), 0o600)
}

func loadState(d dir) (*state, error) {
	data, err := os.ReadFile(d.stateFile())
	if err != nil {
		return nil, err
	}
	st := &state{}
	if err := json.Unmarshal(data, st); err != nil {
		return nil, fmt.Errorf("%s is not a ground's state (%w): end its processes by hand, then remove the folder", d.stateFile(), err)
	}
	return st, nil
}

// find returns the process of a name.
func (st *state) find(name string) (process, bool) {
	for _, p := range st.Processes {
		if p.Name == name {
			return p, true
		}
	}
	return process{}, false
}

// alive reports whether any process of the ground still runs.
func (st *state) alive() bool {
	for _, p := range st.Processes {
		if p.alive() {
			return true
		}
	}
	return false
}

// existingDir resolves --dir for commands that need a ground to be there.
func existingDir(name string) (dir, error) {
	if name == "" {
		return "", fmt.Errorf("%w: --dir is missing (it is in the output of `ground start`)", errUsage)
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(abs); err != nil {
		return "", fmt.Errorf("no ground in %s: start one with `ground start --dir %s`", abs, name)
	}
	return dir(abs), nil
}

func runningDir(name string) (dir, *state, error) {
	d, err := existingDir(name)
	if err != nil {
		return "", nil, err
	}
	st, err := loadState(d)
	if errors.Is(err, os.ErrNotExist) || (err == nil && !st.alive()) {
		return "", nil, fmt.Errorf("no ground runs in %s: start one with `ground start --dir %s`", d, name)
	}
	return d, st, err
}

// newDir makes the folder of a new ground; an empty name means a fresh one.
func newDir(name, mode string) (dir, error) {
	if name == "" {
		cache, err := cacheDir()
		if err != nil {
			return "", err
		}
		parent := filepath.Join(cache, "grounds")
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return "", err
		}
		made, err := os.MkdirTemp(parent, mode+"-")
		return dir(made), err
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return dir(abs), os.MkdirAll(abs, 0o700)
}

// cacheDir is where tools and default folders live, outside any checkout.
func cacheDir() (string, error) {
	if c := os.Getenv("TENANTRY_CACHE"); c != "" {
		return filepath.Abs(c)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder (%w): set TENANTRY_CACHE to a writable folder", err)
	}
	return filepath.Join(home, ".cache", "tenantry"), nil
}

// errLocked means that another process holds the lock.
var errLocked = errors.New("locked")

// lock takes an exclusive lock that the kernel drops when its holder dies.
// wait 0 means one attempt.
func lock(path string, wait time.Duration) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(wait)
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Now().After(deadline) {
			f.Close()
			return nil, errLocked
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// writeAtomic never lets a reader see half a file.
func writeAtomic(path string, data []byte, mode os.FileMode) error {
	tmp := fmt.Sprintf("%s.tmp-%d", path, os.Getpid())
	if err := os.WriteFile(tmp, data, mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// socketPath returns where etcd listens. The kernel limits socket paths to
// 107 bytes; a longer folder gets a private one in the system's temp folder.
func socketPath(d dir) (path, scratch string, err error) {
	if p := d.path("etcd.sock"); len(p) <= 100 {
		return p, "", nil
	}
	scratch, err = os.MkdirTemp("", "ground-")
	return filepath.Join(scratch, "etcd.sock"), scratch, err
}

func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
