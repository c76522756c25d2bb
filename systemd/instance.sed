# Makes the template unit out of vedette.service: one more instance, with /etc/vedette/NAME.yaml; the models are shared.
s|/etc/vedette/vedette.yaml|/etc/vedette/%i.yaml|
s|^StateDirectory=.*|StateDirectory=vedette-%i|
s|^RuntimeDirectory=.*|RuntimeDirectory=vedette-%i|
s|^SyslogIdentifier=.*|SyslogIdentifier=vedette-%i|
s|^Description=.*|& (%i)|
