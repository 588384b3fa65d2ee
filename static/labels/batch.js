// Ctrl+Enter prints, the preview follows the options, and options of sheets are shown only for sheets.
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

  // Enter in the search field searches instead of printing.
  form.elements.namedItem("q")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector('button[value="search"]'));
  });

  const size = form.elements.namedItem("size");
  const sheetOptions = form.querySelector("[data-sheet-only]");
  function updateSheetOptions() {
    if (!sheetOptions) return;
    const positions = JSON.parse(size.dataset.sheets)[size.value];
    const skip = sheetOptions.querySelector("input");
    sheetOptions.hidden = !positions;
    skip.disabled = !positions;
    if (positions) skip.max = positions - 1;
  }
  size.addEventListener("change", updateSheetOptions);
  updateSheetOptions();

  const preview = form.querySelector("[data-preview]");
  if (preview) {
    const show = () => {
      if (form.checkValidity()) form.requestSubmit(preview);
    };
    form.addEventListener("change", show);
    show();
  }
})();
