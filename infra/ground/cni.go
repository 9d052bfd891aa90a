package main

import _ "embed"

// cniConfig: a bridge for pods, and host ports. Both plugins come with
// Debian's containernetworking-plugins.
//
//go:embed files/cni.conflist
var cniConfig string
