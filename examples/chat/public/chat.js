// The chat: what the socket says goes to the page, what the user does goes to the socket.
//
// Events to the server        join(room) · message(draft) · typing(on)        the first two are acknowledged
// Events from the server      rooms · joined · left · message · delivered · typing
// An acknowledgement is       { ok: … } or { refused: "why" }

import { $, element, paintAvatar } from "./dom.js";
import { firstPicture, prepare } from "./pictures.js";
import { openDrawer, showLink, showPeople, showRooms, watchDrawer } from "./side.js";
import { Timeline } from "./timeline.js";
import { list, roomName } from "./words.js";

const ANSWER_WITHIN = 10_000;
const TYPING_LASTS = 4_000;
const TYPING_REPEATS = 2_000;

const state = { name: "", room: "", joined: false, rooms: [], people: [], unread: 0 };
const drafts = new Map(); // one's own messages that the server hasn't confirmed, by id
const typists = new Map(); // name → timer that forgets them
const timeline = new Timeline(sendAgain);

const socket = globalThis.io?.({ autoConnect: false, auth: (give) => give({ name: state.name }) });
globalThis.socket = socket; // to play with in the browser's console

// ---- Connection --------------------------------------------------------------------------------------------------

function watchSocket() {
  socket.on("connect", () => {
    noteTransport();
    socket.io.engine.on("upgrade", noteTransport);
    enter();
  });
  socket.on("disconnect", (reason) => {
    state.joined = false;
    showLink("offline", "offline");
    if (reason === "io client disconnect") return;
    banner(reason === "io server disconnect" ? "The server has closed the connection. Reload the page to come back." : "Connection lost. Trying to get back…");
  });
  // A refusal by the server's middleware carries data; everything else is a network on its way down or up.
  socket.on("connect_error", (error) => (error.data ? openDoor(error.message) : banner("The server can’t be reached. Trying again…")));
  socket.io.on("reconnect_attempt", (attempt) => showLink("connecting", `reconnecting (${attempt})`));

  socket.on("rooms", (rooms) => {
    state.rooms = rooms;
    showRooms(rooms, state.room);
  });
  socket.on("joined", (name, people) => came(`${name} joined`, people));
  socket.on("left", (name, people) => {
    forgetTypist(name);
    came(`${name} left`, people);
  });
  socket.on("message", received);
  socket.on("delivered", (id, names) => timeline.mark(id, "received", names));
  socket.on("typing", (name, on) => (on ? noteTypist(name) : forgetTypist(name)));
}

const noteTransport = () => showLink("online", `online · ${socket.io.engine.transport.name}`);

/** Joins the room that the address names. After a reconnection too: the server has forgotten where this socket was. */
async function enter() {
  const before = state.room;
  const room = roomInAddress();
  Object.assign(state, { room, joined: false });
  const answer = await ask("join", room);
  if (room !== roomInAddress()) return; // the user has moved on meanwhile
  if (answer.refused) return stayIn(before, answer.refused);
  banner(null);
  state.joined = true;
  typists.forEach((_, name) => forgetTypist(name));
  showRoom(answer.ok);
  for (const draft of drafts.values()) {
    if (draft.room === room) deliver(draft);
  }
}

function stayIn(room, why) {
  problem(why);
  if (!room) return;
  Object.assign(state, { room, joined: socket.connected });
  history.replaceState(null, "", `#${encodeURIComponent(room)}`);
}

/** Emits and resolves to the acknowledgement; a missing one reads as a refusal. */
async function ask(event, argument) {
  if (!socket.connected) return { refused: "Not connected." };
  return socket.timeout(ANSWER_WITHIN).emitWithAck(event, argument).catch(() => ({ refused: "The server didn’t answer." }));
}

// ---- Room --------------------------------------------------------------------------------------------------------

function roomInAddress() {
  const wanted = location.hash.slice(1);
  try {
    return roomName(decodeURIComponent(wanted)) || "lobby";
  } catch {
    return "lobby";
  }
}

function showRoom({ room, people, history }) {
  $("room-name").textContent = room;
  $("text").placeholder = `Message #${room}`;
  showTitle();
  showRooms(state.rooms, room);
  notePeople(people);
  const known = new Set(history.map(({ id }) => id));
  timeline.show(history, state.name);
  for (const draft of drafts.values()) {
    if (draft.room === room && !known.has(draft.id)) timeline.add(asMessage(draft), "sending");
  }
}

function notePeople(people) {
  state.people = people;
  showPeople(people, state.name);
}

function came(text, people) {
  timeline.notice(text);
  notePeople(people);
}

function received(message, acknowledge) {
  timeline.add(message, message.from === state.name ? "sent" : null);
  forgetTypist(message.from);
  // The sender's second tick lists who has answered.
  acknowledge?.(state.name);
  if (document.hidden) {
    state.unread += 1;
    showTitle();
  }
}

function showTitle() {
  document.title = `${state.unread ? `(${state.unread}) ` : ""}#${state.room} · Chat`;
}

// ---- Sending -----------------------------------------------------------------------------------------------------

function send(content) {
  const draft = { id: newId(), room: state.room, at: Date.now(), text: "", ...content };
  drafts.set(draft.id, draft);
  timeline.add(asMessage(draft), "sending");
  if (state.joined) deliver(draft); // otherwise when the room is joined again
}

async function deliver(draft) {
  const { id, text, picture } = draft;
  timeline.mark(id, "sending");
  const answer = await ask("message", { id, text, picture });
  if (answer.ok) {
    drafts.delete(id);
    timeline.mark(id, "sent");
  } else if (socket.connected) {
    timeline.mark(id, "failed", answer.refused);
  }
}

/** The server knows messages by their id, so one that did arrive isn't shown twice. */
function sendAgain(id) {
  const draft = drafts.get(id);
  if (draft && state.joined) deliver(draft);
}

const asMessage = (draft) => ({ ...draft, from: state.name });

async function sendPicture(file) {
  problem(null);
  try {
    send({ picture: await prepare(file) });
  } catch (error) {
    problem(error.message);
  }
}

/** `crypto.randomUUID` exists on secure origins only, and people try a chat over plain HTTP in their own network. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- Typing ------------------------------------------------------------------------------------------------------

let saidTyping = 0;

function sayTyping(on) {
  const due = on ? Date.now() - saidTyping > TYPING_REPEATS : saidTyping > 0;
  if (!due || !state.joined) return;
  saidTyping = on ? Date.now() : 0;
  socket.volatile.emit("typing", on);
}

function noteTypist(name) {
  clearTimeout(typists.get(name));
  typists.set(name, setTimeout(() => forgetTypist(name), TYPING_LASTS));
  showTypists();
}

function forgetTypist(name) {
  clearTimeout(typists.get(name));
  if (typists.delete(name)) showTypists();
}

function showTypists() {
  const names = [...typists.keys()];
  if (!names.length) return $("typing").replaceChildren();
  const text = names.length > 3 ? "Several people are typing" : `${list(names)} ${names.length > 1 ? "are" : "is"} typing`;
  const dots = element("span", { class: "dots", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
  $("typing").replaceChildren(dots, text);
}

// ---- Page --------------------------------------------------------------------------------------------------------

function watchPage() {
  const text = $("text");
  const submit = () => {
    const words = text.value.trim();
    if (!words) return;
    send({ text: words });
    text.value = "";
    noteText();
  };
  const noteText = () => {
    $("send").disabled = !text.value.trim();
    sayTyping(text.value.length > 0);
  };
  text.addEventListener("input", noteText);
  text.addEventListener("blur", () => sayTyping(false));
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  $("new-room").addEventListener("submit", openRoom);
  $("share").addEventListener("click", share);
  $("rename").addEventListener("click", () => openDoor());
  $("door-form").addEventListener("submit", chooseName);
  $("door").addEventListener("cancel", (event) => !state.name && event.preventDefault());
  $("door").addEventListener("close", () => ($("app").inert = false));
  window.addEventListener("hashchange", () => {
    if (socket.connected && roomInAddress() !== state.room) enter();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    state.unread = 0;
    showTitle();
  });
  watchPictures();
}

function watchPictures() {
  $("file").addEventListener("change", ({ target }) => {
    if (target.files[0]) sendPicture(target.files[0]);
    target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const file = firstPicture(event.clipboardData);
    if (!file || $("door").open) return;
    event.preventDefault();
    sendPicture(file);
  });
  // Everything is a drop target, so that a missed one doesn't make the browser leave the page for the picture.
  let depth = 0;
  const showDrop = (change) => {
    depth = change === null ? 0 : depth + change;
    $("drop").hidden = depth <= 0;
  };
  document.addEventListener("dragenter", () => showDrop(1));
  document.addEventListener("dragleave", () => showDrop(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    showDrop(null);
    const file = event.dataTransfer.files[0];
    if (file && state.joined) sendPicture(file);
  });
}

function openRoom(event) {
  event.preventDefault();
  const field = $("new-room-name");
  const name = roomName(field.value);
  field.value = "";
  if (!name) return;
  location.hash = name;
  openDrawer(false);
  focusText();
}

async function share() {
  const link = `${location.origin}${location.pathname}#${encodeURIComponent(state.room)}`;
  const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
  $("share").textContent = copied ? "Copied" : "See the address bar";
  if (!copied) location.hash = state.room;
  setTimeout(() => ($("share").textContent = "Copy link"), 2_000);
}

function banner(text) {
  $("banner").textContent = text ?? "";
  $("banner").hidden = !text;
}

function problem(text) {
  $("problem").textContent = text ?? "";
  $("problem").hidden = !text;
  if (text) setTimeout(() => $("problem").textContent === text && problem(null), 8_000);
}

// ---- Name --------------------------------------------------------------------------------------------------------

// The name of a tab is kept for the tab, so that two tabs can be two people; the last one is offered to a new tab.

function openDoor(why) {
  $("door-room").textContent = `#${roomInAddress()}`;
  $("name").value = state.name || localStorage.getItem("name") || "";
  $("door-problem").textContent = why ?? "";
  openDrawer(false);
  $("app").inert = true;
  if (!$("door").open) $("door").showModal();
  $("name").select();
}

function chooseName(event) {
  const name = $("name").value.trim();
  if (!name) {
    event.preventDefault();
    return openDoor("A name has at least one letter.");
  }
  sessionStorage.setItem("name", name);
  localStorage.setItem("name", name);
  start(name);
}

function start(name) {
  state.name = name;
  paintAvatar($("me-avatar"), name);
  $("me-name").textContent = name;
  $("app").inert = false;
  showLink("connecting", "connecting");
  socket.disconnect().connect();
  focusText();
}

/** On a touch screen this would bring up the keyboard over what one came to read. */
function focusText() {
  if (matchMedia("(pointer: fine)").matches) $("text").focus();
}

if (socket) {
  watchDrawer();
  watchSocket();
  watchPage();
  const name = sessionStorage.getItem("name");
  if (name) start(name);
  else openDoor();
} else {
  banner("The Socket.IO client could not be loaded from /socket.io/socket.io.js. Start the chat with its run script.");
}
