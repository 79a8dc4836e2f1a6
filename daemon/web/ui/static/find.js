// Finds words on the page: marks them in the text and their boxes in the image.
// A phrase is looked for first; where the page does not have it, each of its words.
const input = document.getElementById("find");
const lines = document.getElementById("lines");
const count = document.getElementById("find-count");
const previous = document.getElementById("find-previous");
const next = document.getElementById("find-next");
const viewport = document.getElementById("viewport");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const canMark = "highlights" in CSS;
let hits = [];
let current = -1;

function folded(text) {
  // one character for one, so that places in the result are those in the text
  return [...text].map((each) => (each.toLowerCase().length === each.length ? each.toLowerCase() : each)).join("");
}

function textNodes(row) {
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

function rangeOf(nodes, start, end) {
  const range = new Range();
  let at = 0;
  for (const node of nodes) {
    const { length } = node.data;
    if (start >= at && start < at + length) range.setStart(node, start - at);
    if (end > at && end <= at + length) range.setEnd(node, end - at);
    at += length;
  }
  return range;
}

function findWords(words) {
  const found = [];
  for (const row of lines.querySelectorAll(".row")) {
    const nodes = textNodes(row);
    const text = folded(nodes.map((each) => each.data).join(""));
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        found.push({ row, at, range: rangeOf(nodes, at, at + word.length) });
      }
    }
  }
  const order = [...lines.querySelectorAll(".row")];
  return found.sort((a, b) => order.indexOf(a.row) - order.indexOf(b.row) || a.at - b.at);
}

function boxesOf({ row, range }) {
  const words = [...row.querySelectorAll("[data-word]")].filter((each) => range.intersectsNode(each));
  const inside = words.filter((each) => {
    const whole = new Range();
    whole.selectNodeContents(each);
    return range.compareBoundaryPoints(Range.END_TO_START, whole) < 0 && range.compareBoundaryPoints(Range.START_TO_END, whole) > 0;
  });
  const line = document.querySelector(`.boxes [data-line="${CSS.escape(row.dataset.line)}"]`);
  const found = inside.map((each) => line?.querySelector(`[data-word="${CSS.escape(each.dataset.word)}"]`));
  return { words: inside, boxes: (inside.length > 0 ? found : [line?.querySelector(".line")]).filter(Boolean) };
}

function mark() {
  for (const each of document.querySelectorAll(".hit, .hit-now")) each.classList.remove("hit", "hit-now");
  for (const [index, hit] of hits.entries()) {
    const { words, boxes } = boxesOf(hit);
    for (const each of canMark ? boxes : [...boxes, ...words]) each.classList.add("hit");
    if (index === current) for (const each of boxes) each.classList.add("hit-now");
  }
  if (canMark) {
    CSS.highlights.set("found", new Highlight(...hits.map((each) => each.range)));
    CSS.highlights.set("found-now", new Highlight(...hits.slice(current, current + 1).map((each) => each.range)));
  }
  const { none, of } = count.dataset;
  const place = of.replace("{n}", current + 1).replace("{total}", hits.length);
  count.textContent = input.value.trim() === "" ? "" : hits.length === 0 ? none : place;
  previous.hidden = next.hidden = hits.length < 2;
}

function search() {
  const phrase = folded(input.value.trim().replace(/\s+/g, " "));
  hits = phrase ? findWords([phrase]) : [];
  if (phrase && hits.length === 0) hits = findWords([...new Set(phrase.split(" "))]);
  current = hits.length > 0 ? 0 : -1;
  mark();
}

function reveal() {
  const hit = hits[current];
  if (!hit) return;
  const behavior = reducedMotion.matches ? "auto" : "smooth";
  hit.row.scrollIntoView({ block: "nearest", behavior });
  const [box] = boxesOf(hit).boxes;
  if (!box || !viewport) return;
  const [frame, place] = [viewport.getBoundingClientRect(), box.getBoundingClientRect()];
  const isHidden = place.top < frame.top || place.bottom > frame.bottom || place.left < frame.left || place.right > frame.right;
  if (isHidden) {
    viewport.scrollBy({ top: place.top - frame.top - frame.height / 3, left: place.left - frame.left - frame.width / 3, behavior });
  }
}

function go(step) {
  if (hits.length === 0) return;
  current = (current + step + hits.length) % hits.length;
  mark();
  reveal();
}

if (input && lines) {
  input.addEventListener("input", () => {
    search();
    reveal();
  });
  input.addEventListener("search", search);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  });
  previous.addEventListener("click", () => go(-1));
  next.addEventListener("click", () => go(1));
  lines.addEventListener("corrected", search);
  search();
  reveal();
}
