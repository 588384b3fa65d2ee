// Counts the rows while they are scanned, offers values that were used before, and checks the list on Ctrl+Enter.
import { previousValues, rememberValue } from "assets/create-store";
import { gettext as _, ngettext } from "web/translation";

const form = document.getElementById("import");
const lines = form.elements.namedItem("lines");
const count = form.querySelector("[data-count]");
const PAUSE = 250;
let waiting = 0;

// The serial number is the text before the first column separator. The server parses the list in detail.
function show() {
  const serials = lines.value.split("\n").map((line) => line.split(/[\t,;|]/)[0].trim().toLowerCase()).filter(Boolean);
  const distinct = new Set();
  const repeated = new Set();
  for (const serial of serials) (distinct.has(serial) ? repeated : distinct).add(serial);
  const again = [...repeated].slice(0, 3).map((serial) => serial.toUpperCase()).join(", ");
  count.classList.toggle("has-repeated", repeated.size > 0);
  const total = serials.length ? ngettext("%(num)s row", "%(num)s rows", serials.length) : _("No rows yet");
  const repetitions = _("%(count)s repeated: %(serials)s", { count: repeated.size, serials: repeated.size > 3 ? `${again} …` : again });
  count.textContent = repeated.size ? `${total}, ${repetitions}` : total;
}

const remembered = [...form.querySelectorAll("input[list]")];
for (const field of remembered) field.list.replaceChildren(...previousValues(field.name).map((value) => new Option("", value)));
form.addEventListener("submit", () => {
  for (const field of remembered) rememberValue(field.name, field.value.trim());
});

lines.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(show, PAUSE); // otherwise a screen reader would announce a count for each letter
});
show();

form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});
