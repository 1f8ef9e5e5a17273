#!/usr/bin/env bash
# Starts the cluster in namespaces of its own (network, mounts, processes) and returns once it is of
# use: the node is Ready, the Gateway API is served, cluster DNS answers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

lap() { echo "cluster: $1 after $((SECONDS - started)) s"; }
kubectl() { nsenter -t "$(cat "$OUT/pid")" --net -- "$BIN/kubectl" "$@"; }
export KUBECONFIG=$OUT/admin.kubeconfig
started=$SECONDS

# The kubelet sets these for the whole machine; down.sh puts them back.
for key in $SYSCTLS; do
  file=/proc/sys/${key//.//}
  [ ! -e "$file" ] || echo "$key=$(cat "$file")"
done >"$OUT/sysctl.before"

"$HERE/keys.sh"
mkdir -p "$OUT/logs" "$OUT/pids" "$OUT/stopped"

# When the outer process dies, so does the first process inside, and with it all the others.
setsid unshare --net --mount --pid --fork --kill-child=SIGKILL --mount-proc \
  "$HERE/node.sh" >"$OUT/logs/node.log" 2>&1 </dev/null &
outer=$!
echo "$outer" >"$OUT/outer.pid"
first_child() {
  # The kernel ends the list without a line break, which read takes for a failure.
  kill -0 "$outer" && { read -r inner _ <"/proc/$outer/task/$outer/children" || [ -n "$inner" ]; }
}
until_ok 50 first_child || { cat "$OUT/logs/node.log" >&2; exit 1; }
echo "$inner" >"$OUT/pid"

alive() { kill -0 "$outer" || { tail -5 "$OUT/logs/"*.log >&2; exit 1; }; }
api_ready() { alive; [ "$(kubectl get --raw /readyz)" = ok ]; }
until_ok 900 api_ready
lap "API server ready"
# Meanwhile the kubelet registers its node.
kubectl apply --server-side -f "$MANIFESTS/gateway-api.yaml" >/dev/null
kubectl apply -f "$MANIFESTS/dns.yaml" >/dev/null
until_ok 900 kubectl get node "$NODE"
kubectl wait --for=condition=Ready "node/$NODE" --timeout=120s >/dev/null
lap "node Ready"
until_ok 600 kubectl -n default get serviceaccount default
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
kubectl -n kube-system rollout status deployment/coredns --timeout=120s >/dev/null
lap "Gateway API and DNS served"
