// Copies the text of the page, or of the whole document after fetching it.
const announce = document.getElementById("announce");

async function wanted(source) {
  if (!source.startsWith("/")) return document.getElementById(source).value;
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

function select(text) {
  // where the page is not served safely (http from another machine) browsers keep the clipboard shut
  const area = document.getElementById("page-text");
  const before = area.value;
  area.value = text;
  area.select();
  const done = document.execCommand("copy");
  area.value = before;
  return done;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    let done = false;
    try {
      const text = await wanted(button.dataset.copy);
      if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
        done = true;
      } else done = select(text);
    } catch {
      done = false;
    }
    button.focus();
    announce.textContent = "";
    announce.textContent = done ? button.dataset.copied : button.dataset.refused;
    button.classList.toggle("copied", done);
    setTimeout(() => button.classList.remove("copied"), 2000);
  });
}
