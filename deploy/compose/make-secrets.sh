#!/bin/sh
# Makes the passwords of deploy/compose.yaml, as files that nobody but their reader may read.
#
#   sudo deploy/compose/make-secrets.sh [FOLDER]
#
# What is there already stays: PostgreSQL keeps the password that it was first started with.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
if [ "$(id -u)" -ne 0 ]; then
    echo "make-secrets.sh: run it as root, for each file belongs to another container's user" >&2
    exit 1
fi
mkdir -p "$folder"
chmod 0755 "$folder"

# Users of the images: PostgreSQL 999, our programs 10001, Grafana 472.
password() {
    [ -e "$folder/$1" ] || head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$folder/$1"
    chown "$2:$2" "$folder/$1"
    chmod 0400 "$folder/$1"
}

password postgres-password 999
password grafana-password 472
# As libpq reads it (PGPASSFILE): host:port:database:user:password.
printf 'postgres:5432:ckm:ckm:%s\n' "$(cat "$folder/postgres-password")" > "$folder/pgpass.new"
chown 10001:10001 "$folder/pgpass.new"
chmod 0400 "$folder/pgpass.new"
mv "$folder/pgpass.new" "$folder/pgpass"
echo "the passwords are in $folder; Grafana's user is admin"
