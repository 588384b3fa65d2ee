// Shows only the routes that contain every word of the filter.
import { gettext as _ } from "web/translation";

const filter = document.getElementById("filter");
const found = document.querySelector("[data-filter-found]");
const calls = [...document.querySelectorAll("[data-call]")].map((call) => [call, call.textContent.toLowerCase()]);
document.querySelector("[data-filter]").hidden = false;
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const [call, text] of calls) call.hidden = !words.every((word) => text.includes(word));
  for (const group of document.querySelectorAll(".calls")) group.hidden = !group.querySelector("[data-call]:not([hidden])");
  const shown = calls.filter(([call]) => !call.hidden).length;
  found.textContent = words.length ? _("%(shown)s of %(total)s routes", { shown, total: calls.length }) : "";
});
