// Copies the text of the page, or fetches and copies that of the whole document.
const announce = document.getElementById("announce");

async function textOf(source) {
  if (!source.startsWith("/")) return document.getElementById(source).value;
  const response = await fetch(source);
  if (!response.ok) throw new Error(response.statusText);
  return response.text();
}

function copyBySelection(text) {
  // browsers offer no clipboard to pages served over HTTP from another machine
  const area = document.getElementById("page-text");
  const before = area.value;
  area.value = text;
  area.select();
  const isDone = document.execCommand("copy");
  area.value = before;
  return isDone;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  let isDone = false;
  try {
    const text = await textOf(button.dataset.copy);
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      isDone = true;
    } else isDone = copyBySelection(text);
  } catch {
    isDone = false;
  }
  button.focus();
  announce.textContent = "";
  announce.textContent = isDone ? button.dataset.copied : button.dataset.failed;
  button.classList.toggle("copied", isDone);
  setTimeout(() => button.classList.remove("copied"), 2000);
});
