// Building elements. Text only ever becomes a text node, so nothing a peer sends is read as HTML.

import { hue, initials } from "./words.js";

export const $ = (id) => document.getElementById(id);

/** `element("p", { class: "notice" }, "text", child)`; an attribute that is `null` or `undefined` is left out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function avatar(name) {
  return paintAvatar(element("span", { class: "avatar", "aria-hidden": "true" }), name);
}

export function paintAvatar(target, name) {
  target.style.setProperty("--hue", hue(name));
  target.textContent = initials(name);
  return target;
}

/** The text with its web addresses as links. */
export function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]'])/u).map((part, i) =>
    i % 2 ? element("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
}

const svg = "http://www.w3.org/2000/svg";

export function icon(path, viewBox = "0 0 24 24") {
  const picture = document.createElementNS(svg, "svg");
  picture.setAttribute("viewBox", viewBox);
  picture.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg, "path");
  line.setAttribute("d", path);
  picture.append(line);
  return picture;
}
