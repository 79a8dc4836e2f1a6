// Files that are chosen, dropped anywhere on the page or pasted are sent one after the other, each
// as any file to POST /upload; then the page is asked what becomes of them.
const drop = document.getElementById("drop");
const uploads = document.getElementById("uploads");
const sending = document.getElementById("sending");
const ended = document.getElementById("ended");
const progress = document.getElementById("progress");
const watched = document.getElementById("watched");
const files = document.getElementById("files");
const announce = document.getElementById("announce");
const words = drop.dataset;
const FINAL = ["done", "partial", "failed", "duplicate"];
const REASONS = { 400: words.empty, 413: words.large, 415: words.type, 503: words.full, 507: words.full };
const AGAIN = [429, 503]; // too fast, or too many that wait: the server says when to come again
const TRIES = 60;
const LOOK_MILLISECONDS = 1000;
const AT_ONCE = 40; // as many are followed by one question
const ENDED = 6; // as many stay in sight once they are answered; the list has them all
const waiting = [];
let isSending = false;
let timer = 0;

function row(name) {
  const it = document.createElement("li");
  it.className = "step";
  const shown = document.createElement("bdi");
  shown.className = "name";
  shown.textContent = name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `${words.uploading} ${name}`);
  it.append(shown, bar);
  sending.append(it);
  uploads.hidden = false;
  return it;
}

function refused(it, why) {
  it.classList.add("failed");
  it.querySelector("progress").remove();
  const told = document.createElement("p");
  told.className = "why";
  told.textContent = why;
  it.append(told);
  announce.textContent = `${it.querySelector(".name").textContent}: ${why}`;
}

function watch(id) {
  const it = document.createElement("input");
  it.type = "hidden";
  it.name = "id";
  it.value = id;
  watched.append(it);
  ask();
}

function ask() {
  [...watched.children].forEach((it, place) => (it.disabled = place >= AT_ONCE));
  clearTimeout(timer);
  if (watched.children.length > 0) timer = setTimeout(() => htmx.trigger(progress, "look"), LOOK_MILLISECONDS);
}

function send(upload) {
  const { file, name, it } = upload;
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("file", file, name);
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) it.querySelector("progress").value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    const seconds = Number(request.getResponseHeader("Retry-After"));
    if (request.status === 202) {
      it.remove();
      for (const each of JSON.parse(request.responseText).documents) watch(each.id);
    } else if (AGAIN.includes(request.status) && seconds > 0 && upload.tries++ < TRIES) {
      waiting.unshift(upload);
      it.querySelector("progress").value = 0;
      it.title = words.busy;
      setTimeout(next, seconds * 1000);
      return;
    } else refused(it, REASONS[request.status] ?? words.failed);
    next();
  });
  request.addEventListener("error", () => {
    refused(it, words.lost);
    next();
  });
  request.open("POST", "/upload");
  request.send(body);
}

function next() {
  const first = waiting.shift();
  isSending = first !== undefined;
  if (first) send(first);
}

function take(some, pasted) {
  for (const file of some) {
    const name = pasted ? pastedName(file) : file.name;
    waiting.push({ file, name, it: row(name), tries: 0 });
  }
  if (!isSending) next();
}

function pastedName(file) {
  const at = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return `${words.pasted} ${at}.${file.type.split("/")[1]?.replace("jpeg", "jpg") ?? "png"}`;
}

// what becomes of them
const before = new Map();
let same = "";
progress.addEventListener("htmx:beforeSwap", (event) => {
  event.detail.shouldSwap = event.detail.shouldSwap && event.detail.xhr.responseText !== same;
  same = event.detail.xhr.responseText;
});
progress.addEventListener("htmx:afterRequest", () => {
  for (const it of [...progress.children]) {
    const { id, status, say } = it.dataset;
    if (before.has(id) && before.get(id) !== status) announce.textContent = say;
    before.set(id, status);
    if (!FINAL.includes(status)) continue;
    if (!before.has(`ended ${id}`)) htmx.trigger(document.body, "answered");
    before.set(`ended ${id}`, status);
    [...watched.children].find((each) => each.value === id)?.remove();
    ended.append(it);
  }
  while (ended.children.length > ENDED) ended.firstElementChild.remove();
  ask();
});

// dropping, choosing, pasting
let depth = 0; // dragging enters a child before it leaves the parent
const brings = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
document.addEventListener("dragenter", (event) => {
  if (brings(event)) drop.classList.toggle("over", ++depth > 0);
});
document.addEventListener("dragleave", (event) => {
  if (brings(event)) drop.classList.toggle("over", --depth > 0);
});
document.addEventListener("dragover", (event) => {
  if (brings(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  depth = 0;
  drop.classList.remove("over");
  take(event.dataTransfer.files, false);
});
files.addEventListener("change", () => {
  take([...files.files], false);
  files.value = ""; // the same file can be chosen again
});
document.addEventListener("paste", (event) => {
  const some = [...(event.clipboardData?.files ?? [])];
  if (some.length === 0) return;
  event.preventDefault();
  take(some, some.every((file) => /^image\.\w+$/.test(file.name)));
});
