module tokenfactory.nebius.com/operator/crds

go 1.25.0

// Tests install the CRDs that these have among their files; Flux's come from hack/controlplane/flux. Nothing of them is
// built.
require (
	github.com/argoproj/argo-cd/v3 v3.5.7
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
