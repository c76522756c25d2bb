-- For the table vedette_event, once Telegraf (config/fleet/telegraf.conf) has made it, and as its user, whose table it is:
-- psql -h db.lan -U telegraf -d vedette -f events.sql

-- Telegraf makes a column with the first event that fills it, but a view keeps the columns that it was made with.
ALTER TABLE vedette_event
    ADD COLUMN IF NOT EXISTS label text,
    ADD COLUMN IF NOT EXISTS track_uid text,
    ADD COLUMN IF NOT EXISTS duration double precision,
    ADD COLUMN IF NOT EXISTS zone text,
    ADD COLUMN IF NOT EXISTS text text;

-- At least once is what MQTT promises, and a replay comes twice on purpose: each event once, by its number.
CREATE OR REPLACE VIEW vedette_event_once AS
SELECT DISTINCT ON (device, epoch, seq) *
FROM vedette_event
ORDER BY device, epoch, seq, time;

-- What never came: the command `replay` brings it, {"from": "first", "to": "last"} to cmd/replay of the device, for as
-- long as the device keeps it (`outbox.max_age`) and its epoch is still the same.
CREATE OR REPLACE VIEW vedette_event_missing AS
SELECT device, epoch, before + 1 AS first, seq - 1 AS last
FROM (
    SELECT device, epoch, seq, lag(seq) OVER (PARTITION BY device, epoch ORDER BY seq) AS before
    FROM vedette_event_once
) AS walk
WHERE seq > before + 1;

-- Finds a day's events of a device without reading all; in a busy fleet make it before the table is large.
CREATE INDEX IF NOT EXISTS vedette_event_device_time ON vedette_event (device, time);
