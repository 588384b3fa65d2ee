// Applies the color theme: the system's, or the one chosen in this browser. Loaded before the page is drawn, so that it does not flicker.
"use strict";

(() => {
  const KEY = "theme";
  const THEMES = ["auto", "light", "dark"];
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      const stored = localStorage.getItem(KEY);
      return THEMES.includes(stored) ? stored : "auto";
    } catch {
      return "auto"; // storage is disabled
    }
  }

  function show() {
    const theme = chosen();
    document.documentElement.dataset.bsTheme = theme === "auto" ? (system.matches ? "dark" : "light") : theme;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = name.dataset[theme];
  }

  show();
  system.addEventListener("change", show);
  window.addEventListener("storage", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    for (const button of document.querySelectorAll("[data-theme-next]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        try {
          localStorage.setItem(KEY, THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length]);
        } catch {
          button.hidden = true;
        }
        show();
      });
    }
  });
})();
