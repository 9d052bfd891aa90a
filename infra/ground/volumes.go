package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	defaultVolumes = 20
	maxVolumes     = 500
	poolPause      = time.Second
	poolLabel      = "ground.tenantry.dev/pool"
)

// pool keeps a number of volumes ready for claims. They are of the kind
// `local`: a claim's first pod waits until one is bound, and kubelet gives the
// folder to the pod's fsGroup, which it would not do for hostPath.
type pool struct {
	folder string
	want   int
}

func (n *node) pool() pool { return pool{folder: n.dir.path("node/volumes"), want: n.opts.volumes} }

type volumeList struct {
	Items []struct {
		Metadata struct {
			Name              string
			DeletionTimestamp *time.Time
		}
		Spec struct {
			Reclaim string `json:"persistentVolumeReclaimPolicy"`
			Local   struct{ Path string }
		}
		Status struct{ Phase string }
	}
}

// round removes volumes whose claims are gone, with all they hold, and makes
// new ones. A volume that somebody has set to Retain stays.
func (p pool) round(ctx context.Context, client *api) error {
	var list volumeList
	if err := client.do(ctx, http.MethodGet, "/api/v1/persistentvolumes?labelSelector="+poolLabel, nil, &list); err != nil {
		return err
	}
	ready := 0
	for _, v := range list.Items {
		switch v.Status.Phase {
		case "Released", "Failed":
			if v.Spec.Reclaim != "Delete" || v.Metadata.DeletionTimestamp != nil {
				continue
			}
			if err := p.remove(ctx, client, v.Metadata.Name, v.Spec.Local.Path); err != nil {
				return err
			}
		case "Bound":
		default: // Available, or so new that nobody has said so
			ready++
		}
	}
	for ; ready < p.want; ready++ {
		if err := p.add(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func (p pool) remove(ctx context.Context, client *api, name, path string) error {
	if filepath.Dir(path) == p.folder {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	err := client.do(ctx, http.MethodDelete, "/api/v1/persistentvolumes/"+name, nil, nil)
	var ae *apiError
	if errors.As(err, &ae) && ae.code == http.StatusNotFound {
		return nil
	}
	return err
}

func (p pool) add(ctx context.Context, client *api) error {
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	name := "local-" + hex.EncodeToString(id)
	path := filepath.Join(p.folder, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	return client.create(ctx, "/api/v1/persistentvolumes", localVolume(name, path))
}

// localVolume is large enough for any claim. Simulated nodes may have it too:
// what lands there writes nothing.
func localVolume(name, path string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolume",
		"metadata": map[string]any{
			"name": name, "labels": map[string]string{poolLabel: "true"},
			// So the controller leaves a released one to us.
			"annotations": map[string]string{"pv.kubernetes.io/provisioned-by": "ground.tenantry.dev/local"},
		},
		"spec": map[string]any{
			"capacity": map[string]string{"storage": "1Ti"}, "volumeMode": "Filesystem", "storageClassName": "standard",
			"accessModes":                   []string{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"},
			"persistentVolumeReclaimPolicy": "Delete", "local": map[string]string{"path": path},
			"nodeAffinity": map[string]any{"required": map[string]any{"nodeSelectorTerms": []map[string]any{{
				"matchExpressions": []map[string]any{{"key": "kubernetes.io/os", "operator": "In", "values": []string{"linux"}}},
			}}}},
		},
	}
}

// poolClass is the default StorageClass of a ground with a real node.
func poolClass() map[string]any {
	class := standardClass()
	class["provisioner"], class["volumeBindingMode"] = "kubernetes.io/no-provisioner", "WaitForFirstConsumer"
	class["allowVolumeExpansion"] = false
	return class
}
