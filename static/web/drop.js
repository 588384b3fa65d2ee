// Takes a file that is dropped on the page into the form's field `file`; `data-drop` marks the area that shows it.
"use strict";

(() => {
  const drop = document.querySelector("[data-drop]");
  const form = drop.closest("form");
  const file = form.elements.namedItem("file");

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
