// Converts times from UTC to the time zone and language of the reader.
const language = document.documentElement.lang;
const HOUR = 3600000;
const timeOnly = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const dateAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

function format(date) {
  const age = Date.now() - date.getTime();
  if (age >= 0 && age < HOUR) return relative.format(-Math.round(age / 60000), "minute");
  return (age >= 0 && age < 12 * HOUR ? timeOnly : dateAndTime).format(date);
}

function convert(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    element.textContent = format(date);
    element.title = date.toLocaleString(language);
  }
}

convert(document);
document.body.addEventListener("htmx:load", (event) => convert(event.detail.elt));
setInterval(() => convert(document), 30000);
