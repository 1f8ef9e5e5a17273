#!/usr/bin/env bash
# Writes the cluster's keys: one authority, the API server's certificate, its certificate for the
# kubelet, the key of service accounts, and a kubeconfig with a token for each component.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

mkdir -p "$OUT/pki"
cd "$OUT/pki"
umask 077

sign() { # name subject extension
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
      -extfile <(printf '%s\n' "$3") -out "$1.crt" 2>/dev/null
}

user() { # file user groups
  local token
  token=$(openssl rand -hex 16)
  printf '%s,%s,%s,"%s"\n' "$token" "$2" "$1" "$3" >>tokens.csv
  cat >"$OUT/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: test
clusters:
  - name: test
    cluster: {server: "https://127.0.0.1:6443", certificate-authority: "$OUT/pki/ca.crt"}
users:
  - name: $1
    user: {token: "$token"}
contexts:
  - name: test
    context: {cluster: test, user: $1}
YAML
}

openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -subj /CN=portcullis-test-cluster -days 3650 -out ca.crt
openssl genrsa -out sa.key 2048 2>/dev/null
names=DNS:localhost,IP:127.0.0.1,IP:$NODE_IP,IP:$API_IP
for suffix in "" .default .default.svc .default.svc.cluster.local; do
  names+=,DNS:kubernetes$suffix
done
sign apiserver /CN=kube-apiserver "subjectAltName=$names"
sign kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client extendedKeyUsage=clientAuth

: >tokens.csv
user admin admin system:masters
user controller-manager system:kube-controller-manager ""
user scheduler system:kube-scheduler ""
user kubelet "system:node:$NODE" system:nodes
user proxy system:kube-proxy ""
