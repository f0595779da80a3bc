module tokenfactory.nebius.com/operator/crds

go 1.25.0

// The tests of README.md install the CRDs that these have among their files. Nothing of them is built.
require (
	github.com/argoproj/argo-cd/v3 v3.5.7
	github.com/fluxcd/helm-controller v1.6.2
	github.com/fluxcd/source-controller v1.9.6
)
