#!/bin/sh
# enter.sh ROOT WORK COMMAND...: in a mount namespace of its own (unshare --mount), COMMAND inside ROOT, where WORK is
# /stage. The mounts end with the namespace, so nothing of this machine is ever below ROOT for whoever deletes it.
set -eu
root=$1 work=$2
shift 2
mount -t proc proc "$root/proc"
[ ! -e "$root/opt/cpuinfo" ] || mount --bind "$root/opt/cpuinfo" "$root/proc/cpuinfo" # of another processor
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir -m 1777 "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$work" "$root/stage"
cd "$root"
exec chroot "$root" /usr/bin/env -C /stage "$@"
