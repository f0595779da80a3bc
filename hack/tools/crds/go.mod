module tokenfactory.nebius.com/operator/crds

go 1.25.0

// Tests install the CRDs that this has among its files; those of Flux and Argo CD come from hack/controlplane. Nothing of
// it is built.
require (
	github.com/kedacore/keda/v2 v2.18.1
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
