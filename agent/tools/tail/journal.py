"""What `vedette tail --journal` says."""

HOW = """\
Where journald runs, it can carry the logs of many devices by itself, also those of other services.

On each device, push to a server (package systemd-journal-remote):
    [Upload] in /etc/systemd/journal-upload.conf
    URL=https://logs.lan:19532
    ServerKeyFile=/etc/ssl/private/device.key
    ServerCertificateFile=/etc/ssl/certs/device.pem
    TrustedCertificateFile=/etc/ssl/certs/ca.pem
    systemctl enable --now systemd-journal-upload
On the server (same package):
    systemctl enable --now systemd-journal-remote.socket
    journalctl -D /var/log/journal/remote -u vedette -f
    journalctl -D /var/log/journal/remote -u vedette CAMERA=gate -p warning

Or pull from one device, while it is reachable (systemd-journal-gatewayd listens on port 19531; TLS is set up with
--cert and --key in the service):
    curl -s 'https://device.lan:19531/entries?_SYSTEMD_UNIT=vedette.service&follow'

Vedette's own fields are CAMERA, ENGINE, BACKEND and EVENT. Secrets are taken out before a line reaches the journal.
"""
