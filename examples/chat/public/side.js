// The sidebar and the head of the room: rooms, people, and the drawer on small screens.

import { $, avatar, element } from "./dom.js";
import { people as countOf } from "./words.js";

const PILE = 4;

export function showRooms(rooms, here) {
  $("rooms").replaceChildren(...rooms.map(({ name, people }) =>
    element("li", {},
      element("a", { href: `#${encodeURIComponent(name)}`, "aria-current": name === here ? "page" : null },
        element("span", { class: "name" }, name),
        element("span", { class: "count", "aria-label": countOf(people) }, String(people))))));
}

export function showPeople(names, me) {
  const sorted = [...names].sort((a, b) => (b === me) - (a === me) || a.localeCompare(b));
  $("people").replaceChildren(...sorted.map((name) =>
    element("li", { "data-name": name },
      avatar(name),
      element("span", { class: "name" }, name),
      ...(name === me ? [element("span", { class: "you" }, "you")] : []))));
  $("room-count").textContent = `${countOf(names.length)} here`;
  showPile(sorted);
}

export function showLink(state, text) {
  $("link").dataset.state = state;
  $("link").textContent = text;
}

export function watchDrawer() {
  $("side-open").addEventListener("click", () => openDrawer(true));
  $("side-close").addEventListener("click", () => openDrawer(false));
  $("shade").addEventListener("click", () => openDrawer(false));
  $("rooms").addEventListener("click", () => openDrawer(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && openDrawer(false));
}

export function openDrawer(shown) {
  if ($("app").classList.contains("side-shown") === shown) return;
  $("app").classList.toggle("side-shown", shown);
  $("side-open").ariaExpanded = String(shown);
  $(shown ? "side-close" : "side-open").focus();
}

function showPile(names) {
  const shown = names.slice(0, PILE).map(avatar);
  if (names.length > PILE) shown.push(element("span", { class: "avatar more" }, `+${names.length - PILE}`));
  $("pile").replaceChildren(...shown);
}
