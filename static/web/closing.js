// Asks before a window is closed in which something waits. Within the program one goes without being asked: the tab keeps what waits.
"use strict";

const askBeforeClosing = (waits) => {
  const SOON = 2_000; // ms in which a link that was followed leads away
  let followedAt = -Infinity;
  const follows = (event) => { if (!event.defaultPrevented) followedAt = event.timeStamp; };
  document.addEventListener("click", (event) => { if (event.target.closest("a[href]")) follows(event); });
  document.addEventListener("submit", follows);
  window.addEventListener("beforeunload", (event) => {
    const isTouched = navigator.userActivation?.hasBeenActive ?? true; // else the browser would not ask, and complain
    if (isTouched && waits() && event.timeStamp - followedAt > SOON) event.preventDefault();
  });
};
