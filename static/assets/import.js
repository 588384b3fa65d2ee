// Counts the lines during scanning. Ctrl+Enter checks the list.
"use strict";

(() => {
  const form = document.getElementById("import");
  const lines = form.elements.namedItem("lines");
  const count = form.querySelector("[data-count]");
  const PAUSE = 250;
  let waiting = 0;

  // The serial number is the text before the first column separator. The server parses the list in full.
  function show() {
    const serials = lines.value.split("\n").map((line) => line.split(/[\t,;|]/)[0].trim().toLowerCase()).filter(Boolean);
    const distinct = new Set();
    const repeated = new Set();
    for (const serial of serials) (distinct.has(serial) ? repeated : distinct).add(serial);
    const again = [...repeated].slice(0, 3).map((serial) => serial.toUpperCase()).join(", ");
    count.hidden = false;
    count.classList.toggle("has-repeated", repeated.size > 0);
    count.textContent = serials.length === 0 ? "No lines yet"
      : `${serials.length} ${serials.length === 1 ? "line" : "lines"}${repeated.size ? `, ${repeated.size} repeated: ${again}${repeated.size > 3 ? " …" : ""}` : ""}`;
  }

  lines.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE); // a scanner types fast, and a screen reader would announce the count for every character
  });
  show();

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
})();
