package main

import (
	"fmt"
	"syscall"
)

// soReusePort is SO_REUSEPORT on Linux; package syscall lacks the name.
const soReusePort = 0xf

// reservePort takes a free loopback port and keeps it until release is called.
//
// The usual way (listen on port 0, close, hope) leaves a gap in which a
// parallel ground can take the same port. Here the socket stays bound, not
// listening, with SO_REUSEPORT, and kube-apiserver binds beside it
// (--permit-port-sharing). The kernel never hands out a bound port for port
// 0, so no gap is left.
func reservePort() (port int, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("reserve a port: %w", err)
	}
	release = func() { _ = syscall.Close(fd) }
	fail := func(err error) (int, func(), error) {
		release()
		return 0, nil, fmt.Errorf("reserve a port on 127.0.0.1: %w", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soReusePort, 1); err != nil {
		return fail(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fail(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return fail(err)
	}
	return name.(*syscall.SockaddrInet4).Port, release, nil
}
