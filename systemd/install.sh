#!/bin/sh
# Installs Vedette as a systemd service, or brings an installed one up to date. Run it as root: sudo make install
# Safe to run again. Never overwrites /etc/vedette/vedette.yaml.
set -eu
umask 022 # what it installs is for the service's user, too

prefix=/opt/vedette
config=/etc/vedette/vedette.yaml
cache=/var/cache/vedette
checkout=$(cd "$(dirname "$0")/.." && pwd)
# The system's own Python: what apt installs for it (TensorRT, picamera2, python3-systemd) belongs to that one.
python=${PYTHON:-/usr/bin/python3}

say() { echo "vedette: $*"; }
fail() { say "$*" >&2; exit 1; }
as_service() { (cd / && runuser -u vedette -- env HOME="$cache" CACHE_DIRECTORY="$cache" "$prefix/bin/vedette" "$@"); }

[ "$(id -u)" = 0 ] || fail "installing needs root: sudo make install"
[ ! -e "$prefix/package" ] || fail "the package vedette is installed; take that one away first: sudo apt remove vedette" \
    "(config and state stay)"
command -v systemctl >/dev/null || fail "there is no systemd here; without it: make run, or vedette run -c FILE"

has() { "$python" -c "import $1" 2>/dev/null; }
apt() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends "$@" >/dev/null; }
bring() { # a package; the lists of an image that was never updated are empty
    say "apt install $1"
    apt install "$1" 2>/dev/null || { apt update && apt install "$1"; } || say "apt could not install $1"
}
if command -v apt-get >/dev/null; then
    command -v "$python" >/dev/null || bring python3
    has "ensurepip, venv" || bring python3-venv
    has systemd.journal || bring python3-systemd
fi
command -v "$python" >/dev/null || fail "there is no $python; another one: PYTHON=/usr/bin/python3.12 sh systemd/install.sh"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "$python is older than Python 3.10"
"$python" -c 'import sys; sys.exit(sys.maxsize < 2**32)' || fail "this system is a 32-bit one, for which there is no OpenVINO"

say "user vedette"
id -u vedette >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir /var/lib/vedette --no-create-home --shell /usr/sbin/nologin vedette
for group in video render plugdev apex; do # cameras, GPUs, accelerators; not every system has all of them
    if getent group "$group" >/dev/null; then usermod -aG "$group" vedette; fi
done

say "$prefix"
"$python" -m venv --system-site-packages "$prefix" || fail "no virtual environment: apt install python3-venv"
source=$(mktemp -d) # a copy, so that building leaves nothing of root's in the checkout
trap 'rm -rf "$source"' EXIT
(cd "$checkout" && cp -R agent backends pyproject.toml README.md LICENSE "$source")
extras=openvino
coral() { # a stick, before or after its firmware is loaded, or a PCIe module
    [ -e /dev/apex_0 ] || grep -qsx -e 1a6e -e 18d1 /sys/bus/usb/devices/*/idVendor
}
if coral; then extras=$extras,edgetpu; fi
"$prefix/bin/python" -m pip install --disable-pip-version-check -q --no-cache-dir "${source}[$extras]"
"$prefix/bin/python" -c 'import systemd.journal' 2>/dev/null || say "no python3-systemd: journald gets lines without fields"
ln -sf "$prefix/bin/vedette" /usr/local/bin/vedette

say "$config"
install -d -m 0750 -o root -g vedette "${config%/*}"
is_new=
if [ ! -e "$config" ]; then
    is_new=yes
    install -m 0640 -o root -g vedette "$checkout/config/vedette.yaml" "$config"
fi
install -m 0644 "$checkout/config/vedette.schema.json" "${config%/*}/vedette.schema.json"

say "the default model"
install -d -m 0755 "$cache"
chown -R vedette:vedette "$cache" # also what root may have put there
as_service models pull person

say "the service"
unit=/etc/systemd/system/vedette
install -m 0644 "$checkout/systemd/vedette.service" $unit.service
# A Jetson's cameras on ribbon cables are had from a daemon that listens in /tmp, which a /tmp of our own would hide.
[ ! -e /etc/nv_tegra_release ] || sed -i 's|^PrivateTmp=yes|PrivateTmp=no\nReadWritePaths=/tmp|' $unit.service
# A second instance: /etc/vedette/NAME.yaml, systemctl enable --now vedette@NAME; the models are shared.
sed -f "$checkout/systemd/instance.sed" $unit.service >$unit@.service
if [ -d /etc/udev ]; then
    install -m 0644 "$checkout/systemd/60-vedette.rules" /etc/udev/rules.d/60-vedette.rules
    if udevadm control --reload 2>/dev/null; then udevadm trigger --subsystem-match=usb --subsystem-match=apex || :; fi
fi
systemctl -q enable vedette.service
[ ! -d /run/systemd/system ] || systemctl daemon-reload

if [ -n "$is_new" ]; then
    say "installed; it starts at each boot. Now enter your camera and broker, and start it:"
    echo "    sudo nano $config"
    echo "    sudo vedette check && sudo systemctl start vedette"
elif [ -d /run/systemd/system ]; then
    # Not `vedette check` first: only the service sees its credentials.
    if systemctl restart vedette.service; then
        if grep -qs running_last_good /run/vedette/status.json; then
            "$prefix/bin/vedette" status >&2
            fail "installed and started, with the last config that worked: mend $config"
        fi
        say "installed and started. See: vedette status, journalctl -u vedette"
    else
        journalctl --unit=vedette --no-pager --output=cat --lines=20 >&2
        fail "installed, but it does not start (above). It is tried again every 5 s; edit $config"
    fi
fi
