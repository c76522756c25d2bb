#!/bin/sh
# Certificates for brokers, sites and devices, with openssl. Keys stay in FOLDER, readable by you alone.
#   sh certificates.sh FOLDER ca                    once: whoever has ca.key can be any device
#   sh certificates.sh FOLDER server NAME [NAME..]  a broker, by all names and addresses that clients write
#   sh certificates.sh FOLDER device ID             a device (its `device`), or a site (its prefix) that bridges
set -eu
umask 077
days_ca=3650 days=825

fail() { echo "certificates.sh: $1" >&2; exit 2; }
[ $# -ge 2 ] || fail "usage: sh certificates.sh FOLDER ca | server NAME [NAME..] | device ID"
folder=$1 kind=$2
shift 2
mkdir -p "$folder"
cd "$folder"

sign() { # name, CN, extensions
    [ ! -e "$1.key" ] || fail "$1.key is there already: move it away to make a new one"
    printf '%s\n' "basicConstraints=critical,CA:FALSE" "$3" > "$1.ext"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -extfile "$1.ext" -out "$1.pem" 2>/dev/null
    rm "$1.csr" "$1.ext"
    chmod 644 "$1.pem"
    echo "$folder/$1.pem $folder/$1.key"
}

case $kind in
ca)
    [ ! -e ca.key ] || fail "ca.key is there already: with another CA every certificate would have to be made again"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem \
        -days "$days_ca" -subj "/CN=vedette fleet" 2>/dev/null
    chmod 644 ca.pem
    echo "$folder/ca.pem"
    ;;
server | device)
    [ -e ca.key ] || fail "there is no CA in $folder: make one with: sh certificates.sh $folder ca"
    [ $# -ge 1 ] || fail "name it"
    if [ "$kind" = device ]; then
        case $1 in all | *[!a-z0-9_-]*) fail "$1 is no id: 1 to 32 of a-z, 0-9, _ and -, not all" ;; esac
        [ ${#1} -le 32 ] && [ $# -eq 1 ] || fail "one id, of 32 characters at most"
        sign "$1" "$1" "extendedKeyUsage=clientAuth"
    else
        names=
        for name in "$@"; do
            case $name in *[!0-9.]*) type=DNS ;; *) type=IP ;; esac
            names="$names${names:+,}$type:$name"
        done
        sign server "$1" "extendedKeyUsage=serverAuth
subjectAltName=$names"
    fi
    ;;
*) fail "$kind is none of ca, server, device" ;;
esac
