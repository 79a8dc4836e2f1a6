#!/bin/sh
# Pre-consumption script of paperless-ngx: PDFs become searchable before paperless reads them.
#
#   PAPERLESS_PRE_CONSUME_SCRIPT=/usr/local/bin/paperless-pre-consume.sh
#
# paperless sets DOCUMENT_WORKING_PATH, a copy of the document that may be replaced. It has decided
# on the type of the document by then, so that images stay images. What cannot be read is left as it
# is: paperless reads it itself.
set -eu

document=$DOCUMENT_WORKING_PATH
if ! head -c 1024 -- "$document" | grep -q -a '%PDF-'; then
    exit 0
fi
folder=$(mktemp -d -- "${document%/*}/.ocr-daemon.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
ln -s -- "$document" "$folder/document.pdf"
if ocr-daemon once "$folder/document.pdf" --out "$folder/out" --output searchable_pdf --quiet &&
    [ -s "$folder/out/document.pdf.ocr.pdf" ]; then
    mv -- "$folder/out/document.pdf.ocr.pdf" "$document"
else
    echo "ocr-daemon could not make $document searchable; paperless reads it as it is" >&2
fi
