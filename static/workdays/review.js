// The queue of workdays to review by keyboard: j and k move, a accepts, c corrects, Escape cancels, u undoes the last decision.
const days = [...document.querySelectorAll("[data-day]")];
const undo = document.querySelector("[data-undo]");
let place = 0;

function go(number) {
  if (!days.length) return;
  place = Math.max(0, Math.min(days.length - 1, number));
  days[place].focus();
  days[place].scrollIntoView({ block: "nearest" });
}

function correct(day) {
  const details = day.querySelector("[data-correct]");
  if (!details) return;
  details.open = true;
  const fields = [...details.querySelectorAll("input:not([type=hidden])")];
  (fields.find((field) => !field.value) ?? fields[0]).focus();
}

const KEYS = {
  j: () => go(place + 1),
  ArrowDown: () => go(place + 1),
  k: () => go(place - 1),
  ArrowUp: () => go(place - 1),
  a: () => days[place]?.querySelector("[data-accept]")?.click(),
  c: () => days[place] && correct(days[place]),
  u: () => undo?.click(),
};

document.addEventListener("focusin", (event) => {
  const number = days.indexOf(event.target.closest("[data-day]"));
  if (number >= 0) place = number;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const details = event.target.closest("[data-correct]");
  if (event.key === "Escape" && details) {
    details.open = false;
    go(place);
  } else if (!event.target.closest("input, select, textarea") && Object.hasOwn(KEYS, event.key)) {
    event.preventDefault(); // otherwise an arrow would scroll, and a letter would go into the field
    if (!event.repeat || event.key.length > 1 || "jk".includes(event.key)) KEYS[event.key]();
  }
});

for (const words of document.querySelectorAll("[data-keys]")) words.hidden = false;
if (!document.querySelector("[autofocus]")) go(Math.max(0, days.findIndex((day) => `#${day.id}` === location.hash)));
