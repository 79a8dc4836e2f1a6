#!/bin/sh
# Hook of ocr-daemon that sends a message by apprise: e-mail, Matrix, Telegram, ntfy and others.
#
#   hooks:
#     - name: apprise
#       on: [failed, partial]
#       command: [/usr/local/bin/apprise-hook.sh, /etc/ocr-daemon/apprise.conf]
#
# The file has the URLs of the services, one a line. An exit code other than 0 makes the daemon
# repeat the notification, so that an outage of a service loses no message.
set -eu

# names come from strangers: no control characters, and UTF-8 only
clean() {
    printf '%s' "$1" | iconv -c -f UTF-8 -t UTF-8 2>/dev/null | tr -d '[:cntrl:]' || true
}

case $OCR_STATUS in
failed) type=failure what=$OCR_ERROR ;;
partial) type=warning what=$OCR_ERROR ;;
*) type=success what="pages: $OCR_PAGES, confidence: ${OCR_CONFIDENCE:-none}" ;;
esac
exec apprise \
    --config="$1" \
    --notification-type="$type" \
    --title="$(clean "$OCR_STATUS: $OCR_RELATIVE_PATH")" \
    --body="$(clean "${what:-$OCR_UNREAD regions were not read}")"
