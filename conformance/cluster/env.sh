# The addresses and places of the cluster, for the scripts beside this one.
#
# `cargo xtask cluster` starts them and says where things are: BIN (the programs), IMAGES (archives
# to import), MANIFESTS (what to apply), OUT (keys, logs, process ids; seen from outside).
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${BIN:?start this through cargo xtask cluster}" "${IMAGES:?}" "${MANIFESTS:?}" "${OUT:?}"

STATE=/run/portcullis-cluster # a tmpfs that only the cluster sees: etcd, containerd, kubelet
CGROUP=portcullis-cluster     # the parent of the pods' cgroups, in every hierarchy
NODE=node1
NODE_IP=10.89.0.1
POD_CIDR=10.244.0.0/16
SVC_CIDR=10.96.0.0/16
API_IP=10.96.0.1
LB_CIDR=10.97.0.0/24
SYSCTLS="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes"

# Waits until a command succeeds, or gives up after so many tenths of a second.
until_ok() {
  local tries=$1
  shift
  for _ in $(seq "$tries"); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "gave up after $((tries / 10)) s: $*" >&2
  return 1
}
