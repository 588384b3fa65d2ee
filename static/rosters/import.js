// Says that the file is being sent.
"use strict";

(() => {
  const form = document.getElementById("roster");
  form.addEventListener("submit", () => {
    form.querySelector("[data-sending]").hidden = false;
  });
  // Who comes back by the browser's button sends nothing any more.
  window.addEventListener("pageshow", () => {
    form.querySelector("[data-sending]").hidden = true;
  });
})();
