// Highlights the line, word or unread region under the pointer or with the focus, in the text and
// in the image.
// The text is one stop of the Tab key; the arrow keys move through its lines.
const lines = document.getElementById("lines");
const boxes = document.querySelector(".boxes");
const text = document.querySelector(".pane.text");
const allRows = () => [...(lines?.querySelectorAll(".row") ?? [])]; // a corrected one is replaced
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
let highlighted = [];
let pointedAt; // what the pointer was last moved to

function elementsFor(name, key) {
  return [...document.querySelectorAll(`[data-${name}="${CSS.escape(key)}"]`)];
}

function highlight(line, word, region) {
  for (const each of highlighted) each.classList.remove("current");
  highlighted = [
    ...(line ? elementsFor("line", line) : []),
    ...(word ? elementsFor("word", word) : []),
    ...(region ? elementsFor("region", region) : []),
  ];
  for (const each of highlighted) each.classList.add("current");
}

// After a move of the focus the next move of the pointer counts, wherever it is.
document.addEventListener("focusin", () => (pointedAt = undefined));

function highlightAt(target) {
  const line = target.closest?.("[data-line]")?.dataset.line;
  const word = target.closest?.("[data-word]")?.dataset.word;
  highlight(line, word, target.closest?.("[data-region]")?.dataset.region);
  return line;
}

function scrollTo(element) {
  element?.scrollIntoView({ block: "nearest", behavior: reducedMotion.matches ? "auto" : "smooth" });
}

// pointermove, for pointerover is also sent when the page scrolls below a pointer at rest, and would
// take the highlight from what has the focus.
function onPointer(area, moved) {
  area?.addEventListener("pointermove", ({ target }) => {
    if (target === pointedAt) return;
    pointedAt = target;
    moved(target);
  });
  area?.addEventListener("pointerleave", () => {
    pointedAt = undefined;
    highlightAt(document.activeElement);
  });
}

function focusRow(row) {
  for (const each of allRows()) each.tabIndex = each === row ? 0 : -1;
  row.focus();
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
function makeOneStop(first = allRows()[0]) {
  for (const each of allRows()) each.tabIndex = each === first ? 0 : -1;
}

if (lines) {
  makeOneStop();
  lines.addEventListener("corrected", () => makeOneStop());
  onPointer(lines, (target) => {
    if (!lines.querySelector(".editor")) highlightAt(target); // its line stays highlighted
  });
  lines.addEventListener("focusin", (event) => {
    const line = highlightAt(event.target);
    if (event.target.matches(".row")) makeOneStop(event.target);
    if (line) scrollTo(boxes?.querySelector(`[data-line="${CSS.escape(line)}"]`));
  });
  lines.addEventListener("focusout", () => highlight());
  lines.addEventListener("keydown", (event) => {
    const rows = allRows();
    const index = rows.indexOf(event.target);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = rows.length - 1;
    const target = { Home: 0, End: last }[event.key] ?? index + (STEPS[event.key] ?? NaN);
    if (Number.isNaN(target)) return;
    event.preventDefault();
    focusRow(rows[Math.min(Math.max(target, 0), last)]);
  });
}
onPointer(boxes, (target) => {
  const line = highlightAt(target);
  if (line && text.scrollHeight > text.clientHeight) scrollTo(document.getElementById(`l-${line}`));
});
const regions = document.getElementById("unread");
onPointer(regions, highlightAt);
regions?.addEventListener("focusin", (event) => {
  highlightAt(event.target);
  const region = event.target.closest("[data-region]")?.dataset.region;
  if (region) scrollTo(document.getElementById(`region-${region}`));
});
regions?.addEventListener("focusout", () => highlight());
boxes?.addEventListener("click", (event) => {
  const region = event.target.closest("[data-region]")?.dataset.region;
  if (region) regions?.querySelector(`[data-region="${region}"]`)?.focus();
  const line = event.target.closest("[data-line]")?.dataset.line;
  const row = line && document.getElementById(`l-${line}`);
  if (row) focusRow(row);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && allRows().includes(document.activeElement)) document.activeElement.blur();
});
for (const each of document.querySelectorAll('.legend a[href^="#w-"]')) {
  each.addEventListener("click", (event) => {
    const word = document.getElementById(each.hash.slice(1));
    const row = word?.closest(".row");
    if (!row) return;
    event.preventDefault();
    focusRow(row);
    highlight(row.dataset.line, word.dataset.word);
  });
}
