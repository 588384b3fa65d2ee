// Shows that the file is being uploaded, and keeps it while its columns are chosen, so that it need not be chosen again.
"use strict";

(() => {
  const prepare = (kept) => {
    const form = document.getElementById("upload");
    if (!form) return;
    const status = form.querySelector("[data-uploading]");
    const file = form.elements.namedItem("file");
    if (kept && form.querySelector("[data-without-script]")) {
      file.files = kept;
      form.querySelector("[data-without-script]").hidden = true;
    }
    form.addEventListener("submit", async (event) => {
      status.hidden = false;
      if (!file.files.length) return;
      event.preventDefault();
      const chosen = file.files;
      let answer, text;
      try {
        answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "text/html" } });
        if (answer.redirected) {
          window.location.assign(answer.url);
          return;
        }
        text = await answer.text();
      } catch {
        form.submit(); // the browser shows what is wrong
        return;
      }
      const page = new DOMParser().parseFromString(text, "text/html");
      const main = page.querySelector("main");
      if (!main || !main.querySelector("[data-without-script]")) {
        form.submit(); // an error: nothing was stored
        return;
      }
      for (const link of page.querySelectorAll('link[rel="stylesheet"]')) {
        if (!document.querySelector(`link[href="${link.getAttribute("href")}"]`)) document.head.append(link);
      }
      document.title = page.title;
      document.querySelector("main").replaceWith(main);
      window.scrollTo(0, 0);
      prepare(chosen);
    });
    // The browser's back button may show the page as it was left.
    window.addEventListener("pageshow", () => {
      status.hidden = true;
    });
  };
  prepare(null);
})();
