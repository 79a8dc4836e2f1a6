// The links that change language and colours lead to the page as it is now: a search has changed
// its address since they were made.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".preferences a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const address = new URL(location.href);
  for (const [name, value] of new URL(link.href).searchParams) {
    if (name === "language" || name === "theme") address.searchParams.set(name, value);
  }
  location.assign(address);
});

// A preference is kept as a cookie: its parameter would go along with each link that is copied.
const address = new URL(location.href);
address.searchParams.delete("language");
address.searchParams.delete("theme");
if (address.href !== location.href) history.replaceState(history.state, "", address);

// A menu closes when the reader clicks elsewhere or presses Esc.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopImmediatePropagation();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.documentElement.classList.add("scripted");
