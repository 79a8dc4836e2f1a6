// Enlarges the image of the page within its frame, by buttons, by + - 0 and by Ctrl and the wheel.
const viewport = document.getElementById("viewport");
const figure = viewport?.querySelector("figure");
const level = document.getElementById("zoom-level");
const STEPS = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6];
let zoom = 1;

function apply(next, x = 0.5, y = 0.5) {
  if (next === zoom) return;
  const { clientWidth, clientHeight } = viewport;
  const ratio = next / zoom;
  const left = (viewport.scrollLeft + x * clientWidth) * ratio - x * clientWidth;
  const top = (viewport.scrollTop + y * clientHeight) * ratio - y * clientHeight;
  zoom = next;
  figure.style.width = `${100 * zoom}%`;
  viewport.scrollTo(left, top);
  level.textContent = `${Math.round(100 * zoom)} %`;
  document.getElementById("zoom-in").disabled = zoom === STEPS.at(-1);
  document.getElementById("zoom-out").disabled = zoom === STEPS[0];
}

const larger = () => STEPS.find((each) => each > zoom) ?? zoom;
const smaller = () => STEPS.findLast((each) => each < zoom) ?? zoom;

if (viewport) {
  document.getElementById("zoom-in").addEventListener("click", () => apply(larger()));
  document.getElementById("zoom-out").addEventListener("click", () => apply(smaller()));
  document.getElementById("zoom-reset").addEventListener("click", () => apply(1));
  viewport.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = { "+": larger, "=": larger, "-": smaller, 0: () => 1 }[event.key];
    if (!next) return;
    event.preventDefault();
    apply(next());
  });
  viewport.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, top, width, height } = viewport.getBoundingClientRect();
    const place = [(event.clientX - left) / width, (event.clientY - top) / height];
    apply(event.deltaY < 0 ? larger() : smaller(), ...place);
  }, { passive: false });
}
