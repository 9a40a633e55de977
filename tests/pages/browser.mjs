// Drives Chromium through every page: browser.mjs ADDRESS CALLS.json [FOLDER for screenshots]. Both languages, both themes,
// wide and narrow; no error on the console, nothing for axe-core to find; the sound plays and the transcript follows; what
// works by script also works without. Prints one line a complaint, and what was looked at as the last line.
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import path from "node:path";

const modules = process.env.NIGHTBELL_BROWSER;
const require = createRequire(path.join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(path.join(modules, "axe-core/axe.min.js"), "utf8");
const [address, callsFile, shots] = process.argv.slice(2);
const calls = JSON.parse(readFileSync(callsFile, "utf8"));
if (shots) mkdirSync(shots, { recursive: true });

const complaints = [];
const browser = await chromium.launch({
  executablePath: process.env.NIGHTBELL_CHROMIUM || "/usr/bin/chromium",
  headless: true,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});

async function open(options = {}) {
  const { theme = "light", language = "en", width = 1280, script = true } = options;
  const context = await browser.newContext({
    colorScheme: theme, locale: language === "zh" ? "zh-CN" : "en-GB", viewport: { width, height: width < 500 ? 780 : 900 },
    javaScriptEnabled: script, httpCredentials: { username: "lin", password: "open sesame" }, reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const where = () => `${page.url().replace(address, "")} (${language}, ${theme}, ${width} px)`;
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(`${where()}: console: ${message.text()}`); });
  page.on("pageerror", (error) => complaints.push(`${where()}: ${error}`));
  page.on("request", (request) => { if (!request.url().startsWith(address) && !request.url().startsWith("data:")) complaints.push(`${where()}: asks ${request.url()}`); });
  return { context, page, where };
}

const pages = [
  ["overview", "/"], ["hotline", "/hotlines/healthy-zh"], ["hotline-bad", "/hotlines/dead-end-zh"],
  ["call", `/calls/${calls["dead-end-zh"]}`], ["call-human", `/calls/${calls["healthy-zh"]}`], ["call-busy", `/calls/${calls.busy}`],
  ["calls", "/calls"], ["calls-found", "/calls?q=%E6%AC%A2%E8%BF%8E&verdict=fail"], ["live", "/live"], ["month", "/months/2026-11"],
  ["downloads", "/downloads"], ["nothing", "/hotlines/nobody"],
];
let looked = 0;

for (const language of ["en", "zh"]) {
  for (const theme of ["light", "dark"]) {
    const { context, page, where } = await open({ theme, language });
    for (const [name, at] of pages) {
      const answer = await page.goto(address + at);
      const wanted = name === "nothing" ? 404 : 200;
      if (answer.status() !== wanted) complaints.push(`${where()}: answers ${answer.status()}`);
      const lang = await page.locator("html").getAttribute("lang");
      if (lang !== (language === "zh" ? "zh-Hans" : "en")) complaints.push(`${where()}: is in ${lang}`);
      // By the protocol and not as a script of the page, which the page's policy rightly refuses.
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      for (const violation of found.violations) {
        complaints.push(`${where()}: axe ${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + (node.any[0]?.message ?? "")).join("; ")}`);
      }
      if (shots) await page.screenshot({ path: `${shots}/${name}-${language}-${theme}.png`, fullPage: true });
      looked += 1;
    }
    // The page that is not there is an error on the console by itself.
    await context.close();
  }
  // A telephone: nothing may stick out to the side.
  const { context, page, where } = await open({ language, width: 390, theme: language === "zh" ? "dark" : "light" });
  for (const [name, at] of pages) {
    await page.goto(address + at);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over > 0) complaints.push(`${where()}: sticks out by ${over} px`);
    if (shots) await page.screenshot({ path: `${shots}/${name}-${language}-phone.png`, fullPage: true });
    looked += 1;
  }
  await context.close();
}

// The sound plays, and line after line of the transcript is marked while it does.
{
  const { context, page } = await open();
  await page.goto(`${address}/calls/${calls["dead-end-zh"]}`);
  const speech = page.locator(".transcript li[data-to]", { has: page.locator("blockquote, p[lang]") }).first();
  await speech.locator("a[data-at]").click();
  await page.waitForFunction(() => !document.querySelector("audio").paused && document.querySelector("audio").currentTime > 0, null, { timeout: 15000 })
    .catch(() => complaints.push("the sound does not play after a click on a line"));
  const marked = () => page.evaluate(() => [...document.querySelectorAll(".transcript li.now")].map((line) => line.dataset.from));
  const from = await speech.getAttribute("data-from");
  await page.waitForFunction((from) => document.querySelector(`.transcript li.now[data-from="${from}"]`), from, { timeout: 15000 })
    .catch(async () => complaints.push(`the line at ${from} is not marked while it plays; marked: ${await marked()}`));
  const [first, second] = await page.evaluate(async () => {
    const at = () => document.querySelector("audio").currentTime;
    const first = at();
    await new Promise((done) => setTimeout(done, 700));
    return [first, at()];
  });
  if (!(second > first + 0.3)) complaints.push(`the sound stands still: ${first} s, then ${second} s`);
  // The end of the call by the picture: a click on the waveform, and another line is marked.
  const before = await marked();
  const box = await page.locator("svg.wave").boundingBox();
  await page.mouse.click(box.x + box.width * 0.02, box.y + 60);
  const seconds = await page.evaluate(() => Number(document.querySelector("audio").dataset.seconds));
  const at = await page.evaluate(() => document.querySelector("audio").currentTime);
  if (Math.abs(at - seconds * 0.02) > 2) complaints.push(`a click at 2 % of the waveform leads to ${at} s of ${seconds} s`);
  if (JSON.stringify(before) === JSON.stringify(await marked())) complaints.push("another second, and the same line is marked");
  // A finding leads to its second.
  await page.evaluate(() => document.querySelector("audio").pause());
  const finding = page.locator(".findings a[data-at]").first();
  const second_of = Number(await finding.getAttribute("data-at"));
  const zero = await page.evaluate(() => Number(document.querySelector("audio").dataset.zero));
  await finding.click();
  const played = await page.evaluate(() => document.querySelector("audio").currentTime);
  if (Math.abs(played - second_of - zero) > 1.5) complaints.push(`a finding at ${second_of} s leads to ${played} s`);
  await context.close();
}

// Keyboard alone: the first stop skips to the content; the language is changed and stays changed.
{
  const { context, page } = await open();
  await page.goto(address + "/");
  await page.keyboard.press("Tab");
  if (!(await page.evaluate(() => document.activeElement.classList.contains("skip")))) complaints.push("the first stop of the keyboard does not skip to the content");
  await page.keyboard.press("Enter");
  if (!(await page.evaluate(() => document.activeElement.id === "main"))) complaints.push("the content is not reached by keyboard");
  await page.getByRole("link", { name: "中文" }).click();
  await page.goto(address + "/calls");
  if ((await page.locator("html").getAttribute("lang")) !== "zh-Hans") complaints.push("the language is forgotten on the next page");
  await page.locator("nav.switches a").nth(1).click();
  if ((await page.locator("html").getAttribute("data-theme")) !== "dark") complaints.push("the theme does not change");
  await context.close();
}

// The live view renews itself: the test adds a call once it is told that somebody looks.
{
  const { context, page } = await open();
  await page.goto(address + "/live");
  console.log("LIVE");
  await page.waitForFunction(() => document.querySelector("#live").textContent.includes("正在等候的新话"), null, { timeout: 20000 })
    .catch(() => complaints.push("the live view does not renew itself"));
  if (shots) await page.screenshot({ path: `${shots}/live-renewed.png`, fullPage: true });
  await context.close();
}

// Without a script everything is there to be read, and a line leads to the recording at its second.
{
  const { context, page } = await open({ script: false });
  for (const [, at] of pages.slice(0, 9)) await page.goto(address + at);
  await page.goto(`${address}/calls/${calls["dead-end-zh"]}`);
  const href = await page.locator(".transcript a").nth(1).getAttribute("href");
  if (!/sound\.wav#t=\d/.test(href)) complaints.push(`without a script a line leads to ${href}`);
  await context.close();
}

await browser.close();
const expected = (line) => /nobody.*console: Failed to load resource.*404/.test(line);
const told = complaints.filter((line) => !expected(line));
for (const line of told) console.log(`COMPLAINT ${line}`);
console.log(`LOOKED ${looked}`);
process.exit(told.length ? 1 : 0);
