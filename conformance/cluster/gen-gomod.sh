#!/usr/bin/env bash
# Writes go.mod for one version of Kubernetes: cluster/gen-gomod.sh v1.36.3
#
# k8s.io/kubernetes requires its staging modules at v0.0.0 through replacements of its own, which do
# not reach a dependent: each is replaced here by the version published with it.
set -euo pipefail
version=${1:?v1.X.Y}
staging=v0.${version#v1.}
cd "$(dirname "${BASH_SOURCE[0]}")"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'module scratch\ngo 1.26\n' >"$scratch/go.mod"
upstream=$(cd "$scratch" && go mod download -json "k8s.io/kubernetes@$version" | jq -r .GoMod)
etcd=$(awk '$1 == "go.etcd.io/etcd/server/v3" { print $2 }' "$upstream")
modules=$(sed -n 's#^\s*\(k8s.io/[a-z0-9-]*\) => ./staging/.*#\1#p' "$upstream")
{
  printf 'module portcullis.dev/conformance/cluster\n\n'
  awk '/^go /' "$upstream"
  printf '\nrequire (\n\tk8s.io/kubernetes %s\n' "$version"
  printf '\tgo.etcd.io/etcd/server/v3 %s\n' "$etcd"
  for module in api apimachinery client-go component-base kubectl; do
    printf '\tk8s.io/%s %s\n' "$module" "$staging"
  done
  printf ')\n\nreplace (\n'
  for module in $modules; do printf '\t%s => %s %s\n' "$module" "$module" "$staging"; done
  printf ')\n'
} >go.mod
rm -f go.sum
go mod tidy
