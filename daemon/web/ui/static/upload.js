// Uploads files that are chosen, dropped anywhere on the page or pasted: one after the other, each
// by POST /upload. Then polls the page for their status.
const drop = document.getElementById("drop");
const uploads = document.getElementById("uploads");
const sending = document.getElementById("sending");
const finished = document.getElementById("finished");
const progress = document.getElementById("progress");
const tracked = document.getElementById("tracked");
const files = document.getElementById("files");
const announce = document.getElementById("announce");
const messages = drop.dataset;
const FINAL = ["done", "partial", "failed", "duplicate"];
const ERROR_MESSAGES = {
  400: messages.empty, 413: messages.large, 415: messages.type,
  503: messages.unavailable, 507: messages.unavailable,
};
const RETRY_STATUSES = [429, 503]; // rate limit, or full queue: Retry-After says when to try again
const MAX_RETRIES = 60;
const POLL_MILLISECONDS = 1000;
const MAX_TRACKED = 40; // uploads per poll
const MAX_FINISHED = 6; // shown here; the list shows them all
const queue = [];
let isSending = false;
let timer = 0;

function addRow(name) {
  const row = document.createElement("li");
  row.className = "step";
  const label = document.createElement("bdi");
  label.className = "name";
  label.textContent = name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `${messages.uploading} ${name}`);
  row.append(label, bar);
  sending.append(row);
  uploads.hidden = false;
  return row;
}

function showError(row, message) {
  row.classList.add("failed");
  row.querySelector("progress").remove();
  const reason = document.createElement("p");
  reason.className = "reason";
  reason.textContent = message;
  row.append(reason);
  announce.textContent = `${row.querySelector(".name").textContent}: ${message}`;
}

function track(id) {
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = "id";
  input.value = id;
  tracked.append(input);
  schedulePoll();
}

function schedulePoll() {
  [...tracked.children].forEach((input, index) => (input.disabled = index >= MAX_TRACKED));
  clearTimeout(timer);
  if (tracked.children.length > 0) timer = setTimeout(() => htmx.trigger(progress, "poll"), POLL_MILLISECONDS);
}

function send(upload) {
  const { file, name, row } = upload;
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("file", file, name);
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) row.querySelector("progress").value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    const seconds = Number(request.getResponseHeader("Retry-After"));
    if (request.status === 202) {
      row.remove();
      for (const each of JSON.parse(request.responseText).documents) track(each.id);
    } else if (RETRY_STATUSES.includes(request.status) && seconds > 0 && upload.retries++ < MAX_RETRIES) {
      queue.unshift(upload);
      row.querySelector("progress").value = 0;
      row.title = messages.busy;
      setTimeout(sendNext, seconds * 1000);
      return;
    } else showError(row, ERROR_MESSAGES[request.status] ?? messages.failed);
    sendNext();
  });
  request.addEventListener("error", () => {
    showError(row, messages.connection);
    sendNext();
  });
  request.open("POST", "/upload");
  request.send(body);
}

function sendNext() {
  const first = queue.shift();
  isSending = first !== undefined;
  if (first) send(first);
}

function enqueue(added, word = "") {
  for (const file of added) {
    const name = word ? nameNow(word, file) : file.name;
    queue.push({ file, name, row: addRow(name), retries: 0 });
  }
  if (!isSending) sendNext();
}

function nameNow(word, file) {
  const at = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return `${word} ${at}.${file.type.split("/")[1]?.replace("jpeg", "jpg") ?? "png"}`;
}

// status of uploaded files
const lastStatus = new Map();
let lastResponse = "";
progress.addEventListener("htmx:beforeSwap", (event) => {
  event.detail.shouldSwap = event.detail.shouldSwap && event.detail.xhr.responseText !== lastResponse;
  lastResponse = event.detail.xhr.responseText;
});
progress.addEventListener("htmx:afterRequest", () => {
  for (const row of [...progress.children]) {
    const { id, status, announcement } = row.dataset;
    if (lastStatus.has(id) && lastStatus.get(id) !== status) announce.textContent = announcement;
    lastStatus.set(id, status);
    if (!FINAL.includes(status)) continue;
    if (!lastStatus.has(`finished ${id}`)) htmx.trigger(document.body, "answered");
    lastStatus.set(`finished ${id}`, status);
    [...tracked.children].find((input) => input.value === id)?.remove();
    finished.append(row);
  }
  while (finished.children.length > MAX_FINISHED) finished.firstElementChild.remove();
  schedulePoll();
});

// drop, choose, paste
let depth = 0; // a drag enters a child before it leaves the parent
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
document.addEventListener("dragenter", (event) => {
  if (hasFiles(event)) drop.classList.toggle("over", ++depth > 0);
});
document.addEventListener("dragleave", (event) => {
  if (hasFiles(event)) drop.classList.toggle("over", --depth > 0);
});
document.addEventListener("dragover", (event) => {
  if (hasFiles(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  drop.classList.remove("over");
  enqueue(event.dataTransfer.files);
});
files.addEventListener("change", () => {
  enqueue([...files.files]);
  files.value = ""; // so that the same file can be chosen again
});
const camera = document.getElementById("camera");
camera.disabled = false; // without this script it would send a part without a file
camera.addEventListener("change", () => {
  enqueue([...camera.files], messages.photo); // a phone names every photo alike
  camera.value = "";
});
document.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])];
  if (pasted.length === 0) return;
  event.preventDefault();
  enqueue(pasted, pasted.every((file) => /^image\.\w+$/.test(file.name)) ? messages.pasted : "");
});
