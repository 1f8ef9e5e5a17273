#!/usr/bin/env bash
# The node: the first process of the cluster's namespaces. Lays its network and mounts, then starts
# each component and starts it again when it ends, unless OUT/stopped/<name> exists.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
trap 'exit 0' TERM INT
export PATH=$BIN:$PATH

mounts() {
  mount --make-rshared /
  mkdir -p $STATE
  mount -t tmpfs -o size=8g,mode=755 portcullis-cluster $STATE
  mkdir -p $STATE/{etcd,kubelet,cni,containerd,run,log/pods,log/containers,plugins,conf,cni-conf}
  # These paths cannot be chosen: keep the cluster off the machine's own.
  mkdir -p /var/log/containers /var/log/pods /var/lib/cni /var/lib/kubelet
  for d in containers pods; do mount --bind $STATE/log/$d /var/log/$d; done
  mount --bind $STATE/kubelet /var/lib/kubelet
  mount --bind $STATE/cni /var/lib/cni
}

network() {
  ip link set lo up
  # Some machines have no dummy interfaces; a bridge without ports holds an address as well.
  ip link add kube0 type bridge
  ip addr add $NODE_IP/32 dev kube0
  ip link set kube0 up
  # So that the node itself can send to Services and balancers, which kube-proxy then rewrites.
  ip route add $SVC_CIDR dev kube0 src $NODE_IP
  ip route add $LB_CIDR dev kube0 src $NODE_IP
  sysctl -qw net.ipv4.ip_forward=1
  # A balancer address that kube-proxy does not rewrite, or not yet, is refused at once. Otherwise
  # the first packet is lost on kube0, connection tracking remembers it as not rewritten, and so
  # the connection's later packets are lost too.
  nft -f - <<NFT
table ip guard {
  chain output {
    type filter hook output priority 0; ip daddr $LB_CIDR reject with icmp port-unreachable;
  }
  chain forward {
    type filter hook forward priority 0; ip daddr $LB_CIDR reject with icmp port-unreachable;
  }
}
NFT
}

# A cgroup of its own for the pods, in every hierarchy, so that down.sh can remove it.
cgroups() {
  local hierarchy file
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    return
  fi
  for hierarchy in /sys/fs/cgroup/*/; do
    [ ! -e "$hierarchy/cgroup.procs" ] || mkdir -p "$hierarchy$CGROUP"
  done
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e /sys/fs/cgroup/cpuset/$file ] ||
      cat /sys/fs/cgroup/cpuset/$file >/sys/fs/cgroup/cpuset/$CGROUP/$file
  done
}

settings() {
  local file
  for file in containerd.toml kubelet.yaml kube-proxy.yaml; do fill $file >$STATE/conf/$file; done
  fill pods.conflist >$STATE/cni-conf/10-pods.conflist
}

fill() { # file
  sed -e "s#@STATE@#$STATE#g" -e "s#@OUT@#$OUT#g" -e "s#@CGROUP@#$CGROUP#g" \
    -e "s#@POD_CIDR@#$POD_CIDR#g" "$HERE/conf/$1"
}

start() { supervise "$@" & } # name command...

supervise() {
  local name=$1 code
  shift
  while :; do
    while [ -e "$OUT/stopped/$name" ]; do sleep 0.1; done
    "$@" >>"$OUT/logs/$name.log" 2>&1 &
    echo $! >"$OUT/pids/$name"
    code=0
    wait $! || code=$?
    rm -f "$OUT/pids/$name"
    echo "$(date +%T) $name ended with $code"
    sleep 0.2
  done
}

api_server() {
  local pki=$OUT/pki
  start kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 \
    --advertise-address=$NODE_IP --service-cluster-ip-range=$SVC_CIDR \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --client-ca-file="$pki/ca.crt" --token-auth-file="$pki/tokens.csv" \
    --kubelet-client-certificate="$pki/kubelet-client.crt" \
    --kubelet-client-key="$pki/kubelet-client.key" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-signing-key-file="$pki/sa.key" --service-account-key-file="$pki/sa.key" \
    --allow-privileged=true --profiling=false --enable-priority-and-fairness=false
}

mounts
network
cgroups
settings
start containerd containerd --config $STATE/conf/containerd.toml
start etcd etcd --data-dir $STATE/etcd --unsafe-no-fsync --log-level warn \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380
api_server

# The images go in before the kubelet asks for them.
ctr="ctr -a $STATE/run/containerd.sock"
until_ok 300 $ctr version
for image in "$IMAGES"/*.tar; do $ctr -n k8s.io images import --digests=false "$image"; done

export KUBECONFIG=$OUT/admin.kubeconfig
until_ok 900 kubectl get --raw /readyz
start kubelet kubelet --config $STATE/conf/kubelet.yaml --kubeconfig "$OUT/kubelet.kubeconfig" \
  --root-dir $STATE/kubelet --cert-dir $STATE/kubelet-pki --hostname-override=$NODE \
  --node-ip=$NODE_IP
start kube-controller-manager kube-controller-manager --leader-elect=false \
  --kubeconfig "$OUT/controller-manager.kubeconfig" --use-service-account-credentials \
  --service-account-private-key-file="$OUT/pki/sa.key" --root-ca-file="$OUT/pki/ca.crt" \
  --kube-api-qps=200 --kube-api-burst=400 --profiling=false
start kube-scheduler kube-scheduler --leader-elect=false --profiling=false \
  --kubeconfig "$OUT/scheduler.kubeconfig" --kube-api-qps=200 --kube-api-burst=400
start kube-proxy kube-proxy --config $STATE/conf/kube-proxy.yaml --hostname-override=$NODE
start kube-lb kube-lb "$OUT/admin.kubeconfig" $LB_CIDR
kubectl create clusterrolebinding kube-proxy --clusterrole=system:node-proxier \
  --user=system:kube-proxy
wait
