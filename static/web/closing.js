// Asks before the window is closed while something is pending. Links within the program do not ask: the tab keeps what is pending.

const FOLLOWED_WITHIN = 2_000; // ms from a click on a link until its page replaces this one

export function askBeforeClosing(isPending) {
  let followedAt = -Infinity;
  const follow = (event) => { if (!event.defaultPrevented) followedAt = event.timeStamp; };
  document.addEventListener("click", (event) => { if (event.target.closest("a[href]")) follow(event); });
  document.addEventListener("submit", follow);
  window.addEventListener("beforeunload", (event) => {
    const hasInteracted = navigator.userActivation?.hasBeenActive ?? true; // otherwise the browser does not ask, and logs a warning
    if (hasInteracted && isPending() && event.timeStamp - followedAt > FOLLOWED_WITHIN) event.preventDefault();
  });
}
