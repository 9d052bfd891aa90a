package main

import _ "embed"

//go:embed files/kubelet.yaml
var kubeletConfig string

//go:embed files/kube-proxy.yaml
var proxyConfig string

func kubeletArgs(d dir) []string {
	return []string{
		"--config=" + d.path("node/kubelet.yaml"), "--kubeconfig=" + d.path(kubeconfigOf("system:node:"+realNode)),
		"--hostname-override=" + realNode, "--node-ip=" + nodeIPv4, "--root-dir=/var/lib/kubelet",
		"--node-labels=topology.kubernetes.io/region=ground,topology.kubernetes.io/zone=zone-0",
	}
}
