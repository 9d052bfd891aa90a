package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	controlSocket = "keeper.sock"
	// Bounds of what a careless client can make the keeper hold.
	maxForwards     = 256
	maxConnections  = 1024
	dialPatience    = 10 * time.Second
	controlPatience = time.Minute
)

// forwarder carries connections from the machine's loopback address into the
// ground's network namespace.
type forwarder struct {
	dir   dir
	first process
	mu    sync.Mutex
	open  map[string]string // target to loopback address
	slots chan struct{}
	once  sync.Once
}

type forwardRequest struct {
	Target string `json:"target"`
	Port   int    `json:"port"`
}

type forwardReply struct {
	Address string `json:"address,omitempty"`
	Error   string `json:"error,omitempty"`
}

// serve carries what a listener accepts to the target, in the background.
func (f *forwarder) serve(from net.Listener, target string) {
	f.once.Do(func() { f.slots = make(chan struct{}, maxConnections) })
	go func() {
		for {
			conn, err := from.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(20 * time.Millisecond) // out of descriptors: others will close theirs
				continue
			}
			f.slots <- struct{}{}
			go func() {
				defer func() { <-f.slots }()
				f.carry(conn, target)
			}()
		}
	}()
}

func (f *forwarder) carry(outside net.Conn, target string) {
	defer outside.Close()
	inside, err := dialInside(f.first, target)
	if err != nil {
		return // the client sees the connection end, as from a dead server
	}
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		pipe(inside, outside)
		close(done)
	}()
	pipe(outside, inside)
	<-done
}

// pipe copies one direction and passes its end on, so that the other
// direction may go on.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	_ = to.Close()
	_ = from.Close()
}

// dialInside connects from inside the network namespace of a process. A
// socket belongs to the namespace of the thread that makes it, so one thread
// moves there, makes the connection and is not used for anything else again.
func dialInside(first process, target string) (net.Conn, error) {
	if !first.alive() {
		return nil, errors.New("the ground has ended")
	}
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", first.PID))
		if err != nil {
			results <- result{nil, err}
			return
		}
		defer ns.Close()
		if _, _, errno := syscall.RawSyscall(sysSetns, ns.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			results <- result{nil, fmt.Errorf("enter the ground's network: %w", errno)}
			return
		}
		// The target is an address, so no other goroutine looks a name up.
		dialer := net.Dialer{Timeout: dialPatience, FallbackDelay: -1}
		conn, err := dialer.Dial("tcp4", target)
		results <- result{conn, err}
	}()
	r := <-results
	return r.conn, r.err
}

// sysSetns is the number of setns, which package syscall lacks.
var sysSetns = map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH]

// controlPath is the control socket's place in a form that fits into the 107
// bytes that the kernel allows, however long the folder's name is.
func controlPath(d dir) (path string, done func(), err error) {
	folder, err := os.Open(string(d))
	if err != nil {
		return "", nil, err
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(folder.Fd())), controlSocket), func() { folder.Close() }, nil
}

// listen takes requests of `ground forward` in the background.
func (f *forwarder) listen() error {
	path, done, err := controlPath(f.dir)
	if err != nil {
		return err
	}
	defer done()
	_ = os.Remove(path)
	control, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	go func() {
		for {
			conn, err := control.Accept()
			if err != nil {
				return
			}
			f.answer(conn)
		}
	}()
	return nil
}

func (f *forwarder) answer(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(controlPatience))
	var req forwardRequest
	var reply forwardReply
	err := json.NewDecoder(io.LimitReader(conn, 4096)).Decode(&req)
	if err == nil {
		reply.Address, err = f.add(req)
	}
	if err != nil {
		reply.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(reply)
}

// add opens a forward, or finds the one that leads to the same target.
func (f *forwarder) add(req forwardRequest) (string, error) {
	if _, err := netip.ParseAddrPort(req.Target); err != nil {
		return "", fmt.Errorf("target %q is no ADDRESS:PORT", req.Target)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := fmt.Sprintf("%s %d", req.Target, req.Port)
	if address, ok := f.open[key]; ok {
		return address, nil
	}
	if len(f.open) >= maxForwards {
		return "", fmt.Errorf("%d forwards are open, the most there can be: stop this ground and start another", maxForwards)
	}
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", req.Port))
	if err != nil {
		return "", fmt.Errorf("%w: choose another --port, or leave it out", err)
	}
	f.serve(listener, req.Target)
	f.open[key] = listener.Addr().String()
	return f.open[key], nil
}

// cmdForward asks the keeper for a forward and prints its loopback address.
func cmdForward(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("forward", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	port := fs.Int("port", 0, "")
	if err := parse(fs, args, true); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return fmt.Errorf("%w: forward takes one NAMESPACE/SERVICE:PORT or ADDRESS:PORT", errUsage)
	}
	if *port < 0 || *port > 65535 {
		return fmt.Errorf("%w: --port must be 0 to 65535, not %d", errUsage, *port)
	}
	d, st, _, err := realDir(*name)
	if err != nil {
		return err
	}
	client, err := newAPI(d, st.Server)
	if err != nil {
		return err
	}
	defer client.close()
	target, err := resolveTarget(ctx, client, fs.Arg(0))
	if err != nil {
		return err
	}
	reply, err := askKeeper(d, forwardRequest{Target: target, Port: *port})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, reply)
	return nil
}

func askKeeper(d dir, req forwardRequest) (string, error) {
	path, done, err := controlPath(d)
	if err != nil {
		return "", err
	}
	defer done()
	conn, err := net.DialTimeout("unix", path, controlPatience)
	if err != nil {
		return "", fmt.Errorf("reach the ground's keeper: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * controlPatience))
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return "", err
	}
	var reply forwardReply
	if err := json.NewDecoder(conn).Decode(&reply); err != nil {
		return "", err
	}
	if reply.Error != "" {
		return "", errors.New(reply.Error)
	}
	return reply.Address, nil
}

// resolveTarget turns what people name into an address inside the ground.
func resolveTarget(ctx context.Context, client *api, target string) (string, error) {
	if _, err := netip.ParseAddrPort(target); err == nil {
		return target, nil
	}
	namespace, rest, ok := strings.Cut(target, "/")
	service, port, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || namespace == "" || service == "" || port == "" || strings.Contains(service, "/") {
		return "", fmt.Errorf("%w: %q is neither NAMESPACE/SERVICE:PORT nor ADDRESS:PORT", errUsage, target)
	}
	var found struct {
		Spec struct {
			ClusterIP string
			Ports     []struct {
				Name string
				Port int
			}
		}
	}
	if err := client.do(ctx, "GET", "/api/v1/namespaces/"+namespace+"/services/"+service, nil, &found); err != nil {
		return "", err
	}
	if net.ParseIP(found.Spec.ClusterIP) == nil {
		return "", fmt.Errorf("service %s/%s has no cluster IP: forward to a pod's ADDRESS:PORT", namespace, service)
	}
	var have []string
	for _, p := range found.Spec.Ports {
		if port == p.Name || port == strconv.Itoa(p.Port) {
			return fmt.Sprintf("%s:%d", found.Spec.ClusterIP, p.Port), nil
		}
		have = append(have, strings.TrimSpace(fmt.Sprintf("%d %s", p.Port, p.Name)))
	}
	return "", fmt.Errorf("service %s/%s has no port %s; it has: %s", namespace, service, port, strings.Join(have, ", "))
}
