"""Calls every operation with the client that openapi-python-client generated."""

from __future__ import annotations

import json
import sys
import time
from io import BytesIO
from pathlib import Path

from ocr_daemon_client import AuthenticatedClient
from ocr_daemon_client.api.documents import (
    delete_result,
    get_corrections,
    get_document,
    get_markdown,
    get_original,
    get_output,
    get_page_image,
    get_text,
    list_documents,
    retry_document,
)
from ocr_daemon_client.api.health import get_health
from ocr_daemon_client.api.uploads import predict, upload_files
from ocr_daemon_client.models import (
    DocumentStatus,
    OutputKind,
    PredictFilesBody,
    UploadFilesFilesBody,
)
from ocr_daemon_client.types import File

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], timeout=60)
called = []


def call(operation, name, /, **arguments):
    called.append(name)
    return operation.sync_detailed(client=client, **arguments)


def file(name):
    return File(payload=BytesIO(Path(name).read_bytes()), file_name=name)


def settled(identity):
    while True:
        found = call(get_document, "getDocument", id=identity).parsed
        if found.status not in (DocumentStatus.WAITING, DocumentStatus.READING):
            return found
        time.sleep(0.1)


assert call(get_health, "getHealth").parsed.status == "ok"
predicted = call(predict, "predict", body=PredictFilesBody(file=file("scan.png"))).parsed
body = UploadFilesFilesBody(file=file("book.pdf"), pages="2-", outputs=[OutputKind.TEXT])
(upload,) = call(upload_files, "uploadFiles", body=body).parsed.documents
document = settled(upload.id)
assert document.id == upload.id
text = call(get_text, "getText", id=upload.id).parsed
markdown = call(get_markdown, "getMarkdown", id=upload.id).parsed
corrected = call(get_corrections, "getCorrections", id=upload.id).parsed
(output,) = [each for each in document.outputs if each.kind == "text"]
fetched = call(get_output, "getOutput", id=upload.id, name=output.name).parsed
image = call(get_page_image, "getPageImage", id=upload.id, number=2)
assert image.content.startswith(b"\xff\xd8\xff"), image
listed = call(list_documents, "listDocuments", query="third").parsed
assert [each.id for each in listed.documents] == [upload.id]
while True:
    original = call(get_original, "getOriginal", id=upload.id)
    if original.status_code == 200:
        break
    time.sleep(0.1)
assert original.content == Path("book.pdf").read_bytes()

# bytes as the body, options as query parameters
(bad,) = call(upload_files, "uploadFiles", body=file("cut.png"), name="cut.png").parsed.documents
assert settled(bad.id).status == DocumentStatus.FAILED
retried = call(retry_document, "retryDocument", id=bad.id)
while call(delete_result, "deleteResult", id=upload.id).status_code == 409:
    time.sleep(0.1)
deleted = call(get_document, "getDocument", id=upload.id)
misspelled = UploadFilesFilesBody(file=file("scan.png"))
misspelled["profil"] = "default"
refused = call(upload_files, "uploadFiles", body=misspelled).parsed

print(
    json.dumps(
        {
            "called": called,
            "predicted": predicted.text,
            "pages": [page.number for page in document.pages],
            "name": upload.name,
            "text": text,
            "markdown": markdown,
            "output": fetched.payload.read().decode(),
            "misspelled": str(refused.error_class.value),
            "corrections": [each.text for each in corrected.corrections],
            "deleted": int(deleted.status_code),
            "retried": int(retried.status_code),
        }
    )
)
