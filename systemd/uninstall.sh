#!/bin/sh
# Takes away what install.sh put there. The config and the state stay, unless --purge is given. Safe to run again.
set -eu

[ "$(id -u)" = 0 ] || { echo "vedette: uninstalling needs root: sudo make uninstall" >&2; exit 1; }
[ ! -e /opt/vedette/package ] || { echo "vedette: it came as a package: sudo apt remove vedette" >&2; exit 1; }

if [ -e /etc/systemd/system/vedette.service ]; then
    systemctl -q disable vedette.service
    [ ! -d /run/systemd/system ] || systemctl stop vedette.service
    [ ! -d /run/systemd/system ] || systemctl stop 'vedette@*.service'
    rm -f /etc/systemd/system/vedette.service /etc/systemd/system/vedette@.service /etc/udev/rules.d/60-vedette.rules
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
fi
rm -rf /opt/vedette /var/cache/vedette
[ "$(readlink /usr/local/bin/vedette || :)" != /opt/vedette/bin/vedette ] || rm -f /usr/local/bin/vedette

if [ "${1:-}" = --purge ]; then
    rm -rf /etc/vedette /etc/systemd/system/vedette.service.d /var/lib/vedette /var/lib/vedette-*
    if id -u vedette >/dev/null 2>&1; then userdel vedette; fi
    echo "vedette: removed"
else
    echo "vedette: removed; /etc/vedette and /var/lib/vedette are kept (sh systemd/uninstall.sh --purge removes them)"
fi
