// Ctrl+Enter prints, the preview follows the choice, and what only sheets need is shown for sheets alone.
"use strict";

(() => {
  const form = document.getElementById("batch");
  if (!form) return;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.btn-primary"));
    }
  });

  // Enter in the search field searches.
  form.elements.namedItem("q")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector('button[value="search"]'));
  });

  const size = form.elements.namedItem("size");
  const forSheets = form.querySelector("[data-sheet-only]");
  function showForSheets() {
    if (!forSheets) return;
    const places = JSON.parse(size.dataset.sheets)[size.value];
    const skip = forSheets.querySelector("input");
    forSheets.hidden = !places;
    skip.disabled = !places;
    if (places) skip.max = places - 1;
  }
  size.addEventListener("change", showForSheets);
  showForSheets();

  const preview = form.querySelector("[data-preview]");
  if (preview) {
    const show = () => {
      if (form.checkValidity()) form.requestSubmit(preview);
    };
    form.addEventListener("change", show);
    show();
  }
})();
