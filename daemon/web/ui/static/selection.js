// Selected rows of the list: their number, the actions that at least one of them allows, and the
// selection itself when the list is loaded again. Also fills in the reader's time zone.
const documents = document.querySelector(".documents");
const zone = document.getElementById("zone");
const selected = new Set();

const boxes = () => [...documents.querySelectorAll('.items input[name="id"]')];
const find = (id) => document.getElementById(id);

function show() {
  const form = find("selected");
  if (!form) return;
  const all = boxes();
  const checked = all.filter((box) => box.checked);
  const everything = find("select-everything");
  const page = find("select-page");
  page.checked = all.length > 0 && checked.length === all.length;
  page.indeterminate = checked.length > 0 && !page.checked;
  if (everything) {
    everything.closest("label").hidden = !page.checked;
    if (!page.checked) everything.checked = false;
  }
  const isAll = Boolean(everything?.checked);
  form.classList.toggle("active", checked.length > 0);
  const count = find("selected-count");
  const { one, many, all: total } = count.dataset;
  count.textContent = isAll ? total : checked.length === 1 ? one : many.replace("{n}", checked.length);
  for (const button of form.querySelectorAll("button[data-can]")) {
    const allowed = checked.filter((box) => button.dataset.can in box.closest(".item").dataset);
    button.hidden = allowed.length === 0 && !isAll;
  }
}

function restore() {
  for (const box of boxes()) box.checked = selected.has(box.value);
  show();
}

documents.addEventListener("change", (event) => {
  if (event.target.id === "select-page") {
    for (const box of boxes()) box.checked = event.target.checked;
  } else if (event.target.name !== "id" && event.target.id !== "select-everything") return;
  for (const box of boxes()) selected[box.checked ? "add" : "delete"](box.value);
  show();
});
document.body.addEventListener("htmx:afterSettle", restore);
document.body.addEventListener("htmx:beforeRequest", (event) => {
  // a menu that is open, and a choice of all documents, must not vanish under the reader's hand
  const isRefresh = event.detail.elt.id === "list";
  const isOpen = documents.querySelector("details.menu[open]") || find("select-everything")?.checked;
  if (isRefresh && isOpen) event.preventDefault();
});
zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
restore();
