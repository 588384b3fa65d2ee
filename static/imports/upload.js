// Shows that the file is being uploaded.
"use strict";

(() => {
  const form = document.getElementById("upload");
  const status = form.querySelector("[data-uploading]");
  form.addEventListener("submit", () => {
    status.hidden = false;
  });
  // The browser's back button may show the page as it was left.
  window.addEventListener("pageshow", () => {
    status.hidden = true;
  });
})();
