// Counts the lines while they are scanned, takes a dropped file, and lets Ctrl+Enter check the list.
"use strict";

(() => {
  const form = document.getElementById("intake");
  const lines = form.elements.namedItem("lines");
  const file = form.elements.namedItem("file");
  const count = form.querySelector("[data-count]");
  const drop = form.querySelector("[data-drop]");
  const PAUSE = 250;
  let waiting = 0;

  // The serial number is what stands before the first sign that divides columns: the server looks more closely.
  function show() {
    const serials = lines.value.split("\n").map((line) => line.split(/[\t,;|]/)[0].trim().toLowerCase()).filter(Boolean);
    const seen = new Set();
    const repeated = new Set();
    for (const serial of serials) (seen.has(serial) ? repeated : seen).add(serial);
    const again = [...repeated].slice(0, 3).map((serial) => serial.toUpperCase()).join(", ");
    count.hidden = false;
    count.classList.toggle("has-repeated", repeated.size > 0);
    count.textContent = serials.length === 0 ? "No lines yet"
      : `${serials.length} ${serials.length === 1 ? "line" : "lines"}${repeated.size ? `, ${repeated.size} repeated: ${again}${repeated.size > 3 ? " …" : ""}` : ""}`;
  }

  lines.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE); // a scanner types fast, and a screen reader would read every letter's count
  });
  show();

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  for (const words of form.querySelectorAll("[data-by-script]")) words.hidden = false;
  const holdsFile = (event) => event.dataTransfer.types.includes("Files");
  // Anywhere on the page: a file that misses the area would be opened in place of the page.
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (!holdsFile(event)) return;
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    drop.classList.remove("is-over");
    file.files = event.dataTransfer.files;
    file.focus();
  });
})();
