"""PDF/A-2b of a document: the searchable PDF with all that an archive needs to show it for ever.

The searchable PDF is made first. What ISO 19005-2 demands is added: XMP metadata that says so, sRGB
as output intent, an identifier, resources at each page. Where something stands against it
(`pdfa_rules`), an image is embedded once more as decoded, in RGB; a PDF is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final

import pikepdf

from daemon import __version__
from daemon.core.errors import Rejected
from daemon.ocr.pages import sniff
from daemon.ocr.render import pdfa_rules, searchable_pdf, srgb

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.core.tasks import RenderTask

_NAMED_PROBLEMS: Final = 3  # in a sentence
_DAMAGE: Final = (
    pikepdf.PdfError, pikepdf.DataDecodingError, RuntimeError, ValueError, TypeError,
    AttributeError, LookupError,
)  # fmt: skip
_INFO: Final = ("/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/CreationDate")


def write(file: BinaryIO, task: RenderTask) -> None:
    """Write the PDF/A-2b of an open file to `task.target`.

    Rejected, with the reasons, where the document cannot be one as it is.
    """
    searchable = replace(task, target=task.target.with_name("searchable.work.pdf"))
    is_pdf = sniff.media_type(file.read(sniff.HEAD_BYTES)) == "application/pdf"
    for as_decoded in (False,) if is_pdf else (False, True):
        file.seek(0)
        searchable_pdf.write(file, searchable, as_decoded=as_decoded)
        problems = _convert(searchable.target, task.target, len(task.pages))
        if not problems:
            return
    named = "; ".join(problems[:_NAMED_PROBLEMS]) + "; ..." * (len(problems) > _NAMED_PROBLEMS)
    remedy = "only images, and PDFs of pictures, become PDF/A; ask for searchable_pdf"
    raise Rejected("not_archivable", f"it cannot be made PDF/A-2b: {named}; {remedy}")


def _convert(source: Path, target: Path, page_count: int) -> list[str]:
    """Write a PDF as PDF/A-2b; return what stands against it, and write nothing then."""
    try:
        with pikepdf.open(source, suppress_warnings=True) as pdf:
            if problems := pdfa_rules.problems(pdf):
                return problems
            if len(pdf.pages) != page_count:
                return [f"{len(pdf.pages)} of its {page_count} pages are found"]
            _normalize(pdf)
            _add_output_intent(pdf)
            _add_metadata(pdf)
            with target.open("wb") as file:
                pdf.save(
                    file,
                    force_version="1.7",
                    fix_metadata_version=False,
                    deterministic_id=True,
                    object_stream_mode=pikepdf.ObjectStreamMode.generate,
                )
    except pikepdf.PasswordError:
        return ["it is encrypted"]
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise Rejected("corrupt", f"its PDF is damaged ({reason}); export it again") from error
    return []


def _normalize(pdf: pikepdf.Pdf) -> None:
    """Change what PDF/A forbids and nobody sees."""
    for key in ("/Version", "/Extensions", "/OutputIntents", "/Metadata", "/MarkInfo"):
        if key in pdf.Root:
            del pdf.Root[key]
    for page in pdf.pages:
        page.obj["/Resources"] = page.resources  # may be inherited
    for found in pdf.objects:
        if isinstance(found, pikepdf.Stream) and "/Interpolate" in found:
            del found["/Interpolate"]  # only how a viewer smooths


def _add_output_intent(pdf: pikepdf.Pdf) -> None:
    profile = pdf.make_stream(srgb.profile(), N=3, Alternate=pikepdf.Name.DeviceRGB)
    intent = pikepdf.Dictionary(
        Type=pikepdf.Name.OutputIntent,
        S=pikepdf.Name.GTS_PDFA1,
        OutputConditionIdentifier="sRGB",
        RegistryName="http://www.color.org",
        Info="sRGB IEC61966-2.1",
        DestOutputProfile=pdf.make_indirect(profile),
    )
    pdf.Root.OutputIntents = pikepdf.Array([pdf.make_indirect(intent)])


def _add_metadata(pdf: pikepdf.Pdf) -> None:
    """Write what the document says of itself as XMP, and that it is PDF/A-2b."""
    for key in list(pdf.docinfo.keys()):
        if key not in _INFO or not isinstance(pdf.docinfo[key], pikepdf.String):
            del pdf.docinfo[key]
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        metadata.load_from_docinfo(pdf.docinfo, raise_failure=False)
        metadata["pdf:Producer"] = f"ocr-daemon {__version__}"
        metadata["pdfaid:part"] = "2"
        metadata["pdfaid:conformance"] = "B"
    pdf.docinfo["/Producer"] = f"ocr-daemon {__version__}"
