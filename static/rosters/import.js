// Takes a dropped file, and says that it is being sent.
"use strict";

(() => {
  const form = document.getElementById("roster");
  const file = form.elements.namedItem("file");
  const drop = form.querySelector("[data-drop]");

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
  form.addEventListener("submit", () => {
    form.querySelector("[data-sending]").hidden = false;
  });
  // Who comes back by the browser's button sends nothing any more.
  window.addEventListener("pageshow", () => {
    form.querySelector("[data-sending]").hidden = true;
  });
})();
