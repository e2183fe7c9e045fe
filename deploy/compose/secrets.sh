#!/bin/sh
# Makes every secret of compose.yaml, each a file in deploy/compose/secrets; those that exist are kept.
set -eu
umask 077
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
cd "$folder"

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
# The folder is closed to all but its owner; the files are read by the containers that are given them, which
# have users of their own.
secret() { # NAME, content on stdin
  [ -e "$1" ] && return
  cat >"$1.new"
  chmod 444 "$1.new"
  mv "$1.new" "$1"
}

random | secret postgres_password
random | secret valkey_password
random | secret flower_password
random | secret s3_secret_key
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | secret credentials_key
head -c 128 /dev/urandom | secret munge_key

# The same words as each program wants to read them.
printf 'postgresql+psycopg://gateway:%s@postgres/gateway' "$(cat postgres_password)" | secret database_url
printf 'redis://:%s@valkey:6379/0' "$(cat valkey_password)" | secret redis_url
printf 'operator:%s' "$(cat flower_password)" | secret flower_basic_auth
printf 'user default on >%s ~* &* +@all\nuser health on nopass -@all +ping\n' "$(cat valkey_password)" |
  secret valkey_acl
printf '{"identities": [{"name": "gateway", "credentials": [{"accessKey": "gateway", "secretKey": "%s"}],
 "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}\n' "$(cat s3_secret_key)" | secret s3_accounts
