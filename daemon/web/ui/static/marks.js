// A line or word that is pointed at or has the focus is marked in the text and in the picture.
// The text is one stop of the Tab key; the arrows walk through its lines.
const lines = document.getElementById("lines");
const boxes = document.querySelector(".boxes");
const text = document.querySelector(".pane.text");
const rows = [...(lines?.querySelectorAll(".row") ?? [])];
const still = matchMedia("(prefers-reduced-motion: reduce)");
let marked = [];

function all(name, key) {
  return [...document.querySelectorAll(`[data-${name}="${CSS.escape(key)}"]`)];
}

function mark(line, word) {
  for (const each of marked) each.classList.remove("here");
  marked = [...(line ? all("line", line) : []), ...(word ? all("word", word) : [])];
  for (const each of marked) each.classList.add("here");
}

function at(target) {
  const line = target.closest?.("[data-line]")?.dataset.line;
  const word = target.closest?.("[data-word]")?.dataset.word;
  mark(line, word);
  return line;
}

function show(element) {
  element?.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
}

function walk(row) {
  for (const each of rows) each.tabIndex = each === row ? 0 : -1;
  row.focus();
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
if (rows.length > 0) {
  rows.forEach((row, place) => (row.tabIndex = place === 0 ? 0 : -1));
  lines.addEventListener("pointerover", (event) => at(event.target));
  lines.addEventListener("pointerleave", () => at(document.activeElement));
  lines.addEventListener("focusin", (event) => {
    const line = at(event.target);
    if (line) show(boxes?.querySelector(`[data-line="${CSS.escape(line)}"]`));
  });
  lines.addEventListener("focusout", () => mark());
  lines.addEventListener("keydown", (event) => {
    const place = rows.indexOf(event.target);
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = rows.length - 1;
    const goal = { Home: 0, End: last }[event.key] ?? place + (STEPS[event.key] ?? NaN);
    if (Number.isNaN(goal)) return;
    event.preventDefault();
    walk(rows[Math.min(Math.max(goal, 0), last)]);
  });
}
boxes?.addEventListener("pointerover", (event) => {
  const line = at(event.target);
  if (line && text.scrollHeight > text.clientHeight) show(document.getElementById(`l-${line}`));
});
boxes?.addEventListener("pointerleave", () => at(document.activeElement));
boxes?.addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]")?.dataset.line;
  const row = line && document.getElementById(`l-${line}`);
  if (row) walk(row);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (rows.includes(document.activeElement)) {
    document.activeElement.blur();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
for (const each of document.querySelectorAll('.legend a[href^="#w-"]')) {
  each.addEventListener("click", (event) => {
    const word = document.getElementById(each.hash.slice(1));
    const row = word?.closest(".row");
    if (!row) return;
    event.preventDefault();
    walk(row);
    mark(row.dataset.line, word.dataset.word);
  });
}
