// Corrects a line of the text: a button beside the line that has the focus, Enter or F2, or a
// double click open an editor below it. The server returns the line as it is shown then.
const lines = document.getElementById("lines");
const announce = document.getElementById("announce");
const buttonTemplate = document.getElementById("correct-button");
const editorTemplate = document.getElementById("editor");
let button = null;
let editor = null;

const rowOf = (target) => target.closest?.(".row");
const noteOf = (row) => lines.querySelector(`.as-read[data-of="${CSS.escape(row.dataset.line)}"]`);
const placeAfter = (row) => noteOf(row) ?? row;
const shownText = (row) => row.textContent.trim();

function withdrawOffer() {
  const former = button;
  button = null; // first: the removal of a button with the focus comes back here
  former?.remove();
}

function offer(row) {
  if (editor || button?.row === row) return;
  withdrawOffer();
  button = buttonTemplate.content.firstElementChild.cloneNode(true);
  button.row = row;
  button.dataset.line = row.dataset.line; // its line stays highlighted
  button.addEventListener("click", () => open(row));
  placeAfter(row).after(button);
}

function close(row) {
  const former = editor;
  editor = null;
  former?.remove();
  row?.focus();
}

function open(row) {
  close();
  withdrawOffer();
  editor = editorTemplate.content.firstElementChild.cloneNode(true);
  editor.dataset.line = row.dataset.line;
  const input = editor.querySelector("textarea");
  input.value = shownText(row);
  editor.querySelector('[data-action="withdraw"]').hidden = !row.classList.contains("corrected");
  editor.querySelector('[data-action="withdraw"]').addEventListener("click", () => send(row, null));
  editor.querySelector('[data-action="cancel"]').addEventListener("click", () => close(row));
  editor.addEventListener("submit", (event) => {
    event.preventDefault();
    send(row, input.value);
  });
  editor.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the arrow keys move within the line that is edited
    if (event.key === "Escape") close(row);
    if (event.key !== "Enter" || event.isComposing || event.target !== input) return;
    event.preventDefault();
    if (editor.reportValidity()) editor.requestSubmit();
  });
  placeAfter(row).after(editor);
  input.focus();
  input.select();
}

function fail(message) {
  const reason = editor.querySelector(".reason");
  reason.textContent = message;
  reason.hidden = false;
}

async function refreshHead() {
  // the number of corrected lines, and what can be copied and downloaded
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const [before, now] = [document, page].map((each) => each.querySelector(".head"));
  if (!now || before.contains(document.activeElement)) return;
  before.replaceWith(now);
  htmx.trigger(document.body, "htmx:load", { elt: now }); // times are converted
}

async function send(row, text) {
  const { saved, withdrawn, changed, failed } = editor.dataset;
  const form = new URLSearchParams({ page: lines.dataset.page, line: row.dataset.line, read: row.dataset.read });
  form.append(...(text === null ? ["withdraw", "1"] : ["text", text]));
  let response = null;
  try {
    response = await fetch(lines.dataset.corrections, { method: "POST", body: form });
  } catch {
    // the server cannot be reached: said below
  }
  if (!response?.ok) {
    fail(response?.status === 409 ? changed : failed);
    return;
  }
  const shown = new DOMParser().parseFromString(await response.text(), "text/html");
  const now = shown.querySelector(".row");
  noteOf(row)?.remove();
  row.replaceWith(...[now, shown.querySelector(".as-read")].filter(Boolean).flatMap((each) => [each, " "]));
  document.getElementById("page-text").value = shown.getElementById("page-text").value;
  const box = document.querySelector(`.boxes [data-line="${CSS.escape(now.dataset.line)}"]`);
  box?.classList.toggle("corrected", now.classList.contains("corrected"));
  lines.dispatchEvent(new Event("corrected"));
  close(now);
  announce.textContent = "";
  announce.textContent = text === null ? withdrawn : saved;
  await refreshHead();
}

if (lines && buttonTemplate) {
  lines.addEventListener("focusin", (event) => {
    const row = rowOf(event.target);
    if (row) offer(row);
  });
  lines.addEventListener("focusout", (event) => {
    const isLeft = !lines.contains(event.relatedTarget);
    if (isLeft && document.hasFocus()) withdrawOffer();
  });
  lines.addEventListener("keydown", (event) => {
    const row = rowOf(event.target);
    if (!row || (event.key !== "Enter" && event.key !== "F2")) return;
    event.preventDefault();
    open(row);
  });
  lines.addEventListener("dblclick", (event) => {
    const row = rowOf(event.target);
    if (row) open(row);
  });
}
