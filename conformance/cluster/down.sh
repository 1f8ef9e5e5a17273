#!/usr/bin/env bash
# Stops the cluster. Its first process takes all others along, its namespaces take their interfaces,
# rules and mounts; what is left on the machine are the pods' cgroups and the kubelet's sysctls.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

outer=$(cat "$OUT/outer.pid")
gone() { ! kill -0 "$outer" 2>/dev/null; }
[ ! -e "$OUT/pid" ] || kill "$(cat "$OUT/pid")" 2>/dev/null || true
until_ok 50 gone 2>/dev/null || kill -9 "$outer" 2>/dev/null || true

for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
  ours=$hierarchy/$CGROUP
  [ ! -d "$ours" ] || find "$ours" -depth -type d -exec rmdir {} + 2>/dev/null || true
done
while IFS== read -r key value; do
  file=/proc/sys/${key//.//}
  [ "$(cat "$file")" = "$value" ] || echo "$value" >"$file"
done <"$OUT/sysctl.before"
rm -f "$OUT/pid" "$OUT/outer.pid"
