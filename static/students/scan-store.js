// What the scan station stores in the tab.
import { tabStore } from "web/tab-store";

// entries: {id, does, state, code, …} in the order in which they were scanned. `does` is a mode, `undo` or `override`; `state` is one of the
// send queue, `failed`, `done` or `undone`. chosen: the number of the student who gets the devices. panel: the student shown.
export const scanStore = tabStore("scan-station", { entries: [], chosen: "", mode: "", panel: null });
