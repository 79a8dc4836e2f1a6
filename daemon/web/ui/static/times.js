// Times are printed in UTC; here they are put into the reader's own zone and language.
const language = document.documentElement.lang;
const day = 86400000;
const near = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const far = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

function said(at) {
  const age = Date.now() - at.getTime();
  if (age >= 0 && age < 3600000) return ago.format(-Math.round(age / 60000), "minute");
  return (age >= 0 && age < day / 2 ? near : far).format(at);
}

function place(root) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    each.textContent = said(at);
    each.title = at.toLocaleString(language);
  }
}

document.documentElement.classList.add("scripted");
place(document);
document.body.addEventListener("htmx:load", (event) => place(event.detail.elt));
setInterval(() => place(document), 30000);
