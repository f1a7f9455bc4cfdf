// The chat example as people use it: two browsers, then a third that comes late.
//
//   node chat.mjs http://127.0.0.1:3000 [folder for screenshots]
//
// CHROMIUM names the browser's executable (default /usr/bin/chromium). Exits with 1 and one sentence on the first
// promise that isn't kept. Nothing here sleeps: every step waits for what it needs to see.

import { createHash, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

import { chromium } from "playwright-core";

const [base, shots] = process.argv.slice(2);
const PATIENCE = 15_000;
const FLAGS = [
  "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const room = `test-${randomBytes(4).toString("hex")}`;
let step = "start the browser";

function check(kept, otherwise) {
  if (!kept) throw new Error(otherwise);
}

async function main() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  try {
    await story(browser);
  } finally {
    await browser.close();
  }
}

async function story(browser) {
  const ada = await visit(browser, "Ada");
  const grace = await visit(browser, "Grace");
  await namesAreAsked(ada, grace);
  await everybodySeesWhoIsThere(ada, grace);
  await aMessageGetsItsTicks(ada, grace);
  await typingIsAnnounced(ada, grace);
  await aPictureArrivesByteForByte(ada, grace);
  await whatIsNotAPictureIsRefused(ada);
  await roomsAreSeparate(ada, grace);
  const linus = await aLatecomerReadsTheHistory(browser);
  await aSecondTabIsTheSamePerson(ada, grace);
  await aLostConnectionComesBack(ada, grace);
  await leavingIsSeen(linus, ada);
  check(!failures.length, `the page reported an error: ${failures[0]}`);
}

// ---- Promises ----------------------------------------------------------------------------------------------------

async function namesAreAsked(ada, grace) {
  promise("a name is asked for, and an empty one isn't accepted");
  await ada.goto(`${base}/#${room}`);
  await ada.getByRole("dialog").waitFor();
  await ada.getByLabel("Your name").fill("   ");
  await ada.getByRole("button", { name: "Join the chat" }).click();
  await ada.getByRole("dialog").waitFor();
  await shot(ada, "door");
  await comeIn(ada, "Ada");
  await ada.getByText("It’s quiet in here.").waitFor();
  await shot(ada, "empty");
  await grace.goto(`${base}/#${room}`);
  await comeIn(grace, "Grace");
}

async function everybodySeesWhoIsThere(ada, grace) {
  promise("everybody sees who is in the room");
  await ada.getByText("Grace joined").waitFor();
  for (const page of [ada, grace]) {
    await peopleAre(page, ["Ada", "Grace"]);
    await page.getByText("2 people here").waitFor();
    await page.locator("#rooms a[aria-current]", { hasText: room }).locator(".count", { hasText: /^2$/ }).waitFor();
  }
}

async function aMessageGetsItsTicks(ada, grace) {
  promise("a message arrives, and its sender sees that it did");
  const text = "Hello <b>Grace</b>, see https://socket.io & reply";
  await say(ada, text);
  await message(grace, text).waitFor();
  check((await message(grace, text).locator("b").count()) === 0, "markup in a message was taken for HTML");
  check((await message(grace, text).locator("a").getAttribute("href")) === "https://socket.io", "a link wasn't made");
  await inState(ada, text, "received");
  const says = await message(ada, text).locator(".tick").getAttribute("title");
  check(says === "Received by Grace", `the tick says “${says}”`);
  await say(grace, "All fine here.");
  await message(ada, "All fine here.").waitFor();
}

async function typingIsAnnounced(ada, grace) {
  promise("others see who is typing, until the message comes");
  await grace.getByRole("textbox", { name: "Message" }).pressSequentially("A moment");
  await ada.getByText("Grace is typing").waitFor();
  await shot(ada, "typing");
  await grace.getByRole("textbox", { name: "Message" }).press("Enter");
  await message(ada, "A moment").waitFor();
  await ada.getByText("Grace is typing").waitFor({ state: "detached" });
}

async function aPictureArrivesByteForByte(ada, grace) {
  promise("a picture arrives byte for byte");
  const bytes = png(320, 180);
  await ada.getByLabel("Send a picture").setInputFiles({ name: "sky.png", mimeType: "image/png", buffer: bytes });
  await grace.getByAltText("Picture from Ada").waitFor();
  check((await pictureHash(grace, "Ada")) === sha256(bytes), "the picture that arrived differs from the one that was sent");
  await ada.locator(".message.mine:has(img)[data-state=received]").waitFor();
  await shot(ada, "picture-sender");
  await shot(grace, "picture-receiver");
}

async function whatIsNotAPictureIsRefused(ada) {
  promise("a file that isn't a picture is refused with a reason");
  await ada.getByLabel("Send a picture").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") });
  await ada.getByRole("alert").getByText("Only pictures can be sent").waitFor();
}

async function roomsAreSeparate(ada, grace) {
  promise("a room's messages stay in it");
  await grace.getByLabel("Name of a new room").fill(`${room} Aside`);
  await grace.getByLabel("Name of a new room").press("Enter");
  await grace.getByRole("heading", { name: `${room}-aside` }).waitFor();
  await ada.getByText("Grace left").waitFor();
  await peopleAre(ada, ["Ada"]);
  await ada.locator("#rooms a", { hasText: `${room}-aside` }).locator(".count", { hasText: /^1$/ }).waitFor();
  await say(ada, "Only for this room");
  await inState(ada, "Only for this room", "sent");
  await say(grace, "Only for the other");
  await inState(grace, "Only for the other", "sent");
  await grace.locator("#rooms a .name").getByText(room, { exact: true }).click();
  await message(grace, "Only for this room").waitFor();
  check((await message(grace, "Only for the other").count()) === 0, "a message of another room is shown");
  check((await message(ada, "Only for the other").count()) === 0, "a message reached a room it wasn't sent to");
  await peopleAre(ada, ["Ada", "Grace"]);
}

async function aLatecomerReadsTheHistory(browser) {
  promise("who comes late reads what was said, pictures included");
  const linus = await visit(browser, "Linus", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await linus.goto(`${base}/#${room}`);
  await comeIn(linus, "Linus");
  await message(linus, "All fine here.").waitFor();
  await linus.getByAltText("Picture from Ada").waitFor();
  check((await pictureHash(linus, "Ada")) === sha256(png(320, 180)), "the picture in the history differs from the one sent");
  const texts = await linus.locator(".message .words").allTextContents();
  check(texts.length === 4 && texts[0].startsWith("Hello"), `the history reads ${JSON.stringify(texts)}`);
  await shot(linus, "phone-dark");
  return linus;
}

async function aSecondTabIsTheSamePerson(ada, grace) {
  promise("two tabs with one name are one person");
  const second = await ada.context().newPage();
  watch(second, "Ada's second tab");
  await second.goto(`${base}/#${room}`);
  check((await second.getByLabel("Your name").inputValue()) === "Ada", "the last name isn't offered to a new tab");
  await comeIn(second, "Ada");
  await peopleAre(second, ["Ada", "Grace", "Linus"]);
  await say(second, "From my second tab");
  await message(ada, "From my second tab").waitFor();
  check(await message(ada, "From my second tab").evaluate((row) => row.matches(".mine")), "one's own message looks foreign");
  await second.close();
  await say(ada, "And from the first");
  await message(grace, "And from the first").waitFor();
  await peopleAre(grace, ["Ada", "Grace", "Linus"]);
  check((await grace.getByText("Ada left").count()) === 0, "closing one of two tabs looked like leaving");
}

async function aLostConnectionComesBack(ada, grace) {
  promise("a lost connection is shown, and what was written meanwhile is sent afterwards");
  // Closing the transport under the client is what a dead network looks like once it has been noticed.
  await ada.context().setOffline(true);
  await ada.evaluate(() => globalThis.socket.io.engine.close());
  await ada.getByText("Connection lost. Trying to get back…").or(ada.getByText("The server can’t be reached.")).waitFor();
  await say(ada, "Written while offline");
  await inState(ada, "Written while offline", "sending");
  await shot(ada, "offline");
  await ada.context().setOffline(false);
  await inState(ada, "Written while offline", "received");
  await ada.locator("#banner").waitFor({ state: "hidden" });
  await message(grace, "Written while offline").waitFor();
  check((await message(grace, "Written while offline").count()) === 1, "a message was shown twice");
}

async function leavingIsSeen(linus, ada) {
  promise("who leaves is gone from the list");
  await linus.close();
  await ada.getByText("Linus left").waitFor();
  await peopleAre(ada, ["Ada", "Grace"]);
  await endIsInView(ada);
  await shot(ada, "end");
}

// ---- Steps -------------------------------------------------------------------------------------------------------

const failures = [];

function promise(text) {
  step = text;
  console.log(`· ${text}`);
}

async function visit(browser, name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  watch(page, name);
  return page;
}

function watch(page, name) {
  page.on("pageerror", (error) => failures.push(`${name}: ${error.message}`));
}

async function comeIn(page, name) {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Join the chat" }).click();
  await page.locator("#people li", { hasText: name }).waitFor({ state: "attached" });
}

async function say(page, text) {
  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill(text);
  await field.press("Enter");
}

const message = (page, text) => page.locator(".message", { has: page.locator(".words").getByText(text, { exact: true }) });

const inState = (page, text, state) => message(page, text).and(page.locator(`[data-state=${state}]`)).waitFor();

/** Pictures above it grow while they load, so this may take a moment. */
async function endIsInView(page) {
  await page.waitForFunction(() => {
    const { scrollTop, scrollHeight, clientHeight } = document.getElementById("scroller");
    const loaded = [...document.querySelectorAll(".message img")].every((image) => image.complete);
    return loaded && scrollHeight - scrollTop - clientHeight < 2;
  });
}

async function peopleAre(page, names) {
  const wanted = JSON.stringify([...names].sort());
  await page.waitForFunction(
    (wanted) => JSON.stringify([...document.querySelectorAll("#people li")].map((li) => li.dataset.name).sort()) === wanted,
    wanted,
  );
}

async function pictureHash(page, from) {
  const bytes = await page.getByAltText(`Picture from ${from}`).first().evaluate(async (image) =>
    Array.from(new Uint8Array(await (await fetch(image.src)).arrayBuffer())));
  return sha256(Uint8Array.from(bytes));
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A real picture without a file: a gradient, the same for the same size. */
function png(width, height) {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0, at = 0; y < height; y++) {
    at++; // filter type 0
    for (let x = 0; x < width; x++) {
      rows[at++] = 230 - (120 * y) / height;
      rows[at++] = 120 + (90 * x) / width;
      rows[at++] = 90 + (140 * y) / height;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits a channel, RGB
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

// ------------------------------------------------------------------------------------------------------------------

if (!base) {
  console.error("usage: node chat.mjs <base URL> [folder for screenshots]");
  process.exit(2);
}
if (shots) await mkdir(shots, { recursive: true });
try {
  await main();
  console.log("the chat keeps its promises");
} catch (error) {
  console.error(`failed: ${step}: ${error.message}`);
  process.exit(1);
}
