// A label must not be printed before its codes are decoded and its font is there.
"use strict";

async function drawn() {
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)));
}

document.getElementById("print").addEventListener("click", async () => {
  await drawn();
  window.print();
});

window.addEventListener("load", async () => {
  if ("autoprint" in document.body.dataset && document.querySelector(".label")) {
    await drawn();
    window.print();
  }
});
