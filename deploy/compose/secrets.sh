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
printf hpc-gateway | secret store_access_key
random | secret store_secret_key
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | secret credentials_key
head -c 128 /dev/urandom | secret munge_key

# The same words as each program wants to read them.
printf 'postgresql+psycopg://gateway:%s@postgres/gateway' "$(cat postgres_password)" | secret database_url
printf 'redis://:%s@valkey:6379/0' "$(cat valkey_password)" | secret redis_url
printf 'operator:%s' "$(cat flower_password)" | secret flower_basic_auth
printf 'user default on >%s ~* &* +@all\nuser health on nopass -@all +ping\n' "$(cat valkey_password)" |
  secret valkey_acl
# The users' account has every bucket but those that begin with 0, as the gateway's own does.
actions() { # BUCKET...
  for bucket; do printf '"Admin:%s", "Read:%s", "Write:%s", "List:%s", "Tagging:%s", ' $bucket $bucket $bucket $bucket $bucket; done |
    sed 's/, $//'
}
set -f
account() { # NAME SECRET BUCKET...
  printf '{"name": "%s", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": [' "$1" "$1" "$2"
  shift 2
  actions "$@"
  printf ']}'
}
letters=$(printf 'a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9' | sed 's/[^ ]/&*/g')
printf '{"identities": [%s,\n%s]}\n' "$(account gateway "$(cat s3_secret_key)" $letters)" \
  "$(account "$(cat store_access_key)" "$(cat store_secret_key)" 0-hpc-gateway)" | secret s3_accounts
