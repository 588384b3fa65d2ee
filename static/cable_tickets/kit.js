// The items of a kit.
import { itemRows } from "cable_tickets/items";

itemRows(document.getElementById("kit"));
