// The staff's terminal in a real browser: two people decide, without JavaScript and by keyboard alone; axe-core looks at every page.
// With JavaScript a new request appears by itself. The variables CHUKAN, DATA and GRPC say how to make one.
// node terminal.mjs <address> <directory of the modules> [<directory for screenshots>]
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import assert from "node:assert/strict";

const [address, modules, pictures] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const base = `https://${address}`;
const institution = "0220113112101700";
const inquirer = "9900000000001100";
const password = "kunren-Chukan-2026";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

// axe has to be put into the page, which the terminal's policy forbids: only there is it passed over.
async function page(options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1024, height: 768 }, ...options });
  return context.newPage();
}

async function signIn(account, options, at = institution) {
  const tab = await page(options);
  await tab.goto(`${base}/login`);
  await tab.selectOption("#institution", at);
  await tab.fill("#account", account);
  await tab.fill("#password", password);
  await tab.keyboard.press("Enter");
  await tab.waitForURL(`${base}/`);
  return tab;
}

// The page does not scroll sideways; a table does, in a box of its own.
async function fits(tab, name) {
  await tab.waitForLoadState();
  const [wide, shown] = await tab.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert(wide <= shown, `${name} is ${wide} wide where ${shown} are shown`);
}

async function look(tab, name) {
  await fits(tab, name);
  if (pictures) await tab.screenshot({ path: `${pictures}/${name}.png` });
  await tab.evaluate(axe);
  const violations = await tab.evaluate(async () => (await globalThis.axe.run()).violations.map((found) => `${found.id}: ${found.nodes[0].html}`));
  assert.deepEqual(violations, [], `${name} ${tab.url()}`);
  console.log(`  ${name}: no violation`);
}

// Goes on by the Tab key until the element that fits has the focus.
async function tabTo(tab, selector) {
  for (let presses = 0; presses < 80; presses++) {
    await tab.keyboard.press("Tab");
    if (await tab.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
  }
  assert.fail(`the Tab key does not reach ${selector}`);
}

// Goes on by the arrow key until the list that has the focus shows the value.
async function arrowTo(tab, value) {
  for (let presses = 0; presses < 80; presses++) {
    if (await tab.evaluate(() => document.activeElement.value) === value) return;
    await tab.keyboard.press("ArrowDown");
  }
  assert.fail(`the arrow key does not reach ${value}`);
}

const server = ["--server", process.env.GRPC, "--data", process.env.DATA, "--institution", inquirer];

// What an institution calls a sample person.
function addressee(index, at = inquirer) {
  const shown = execFileSync(process.env.CHUKAN, ["people", "show", ...server, index], { encoding: "utf8" });
  return shown.match(new RegExp(`${at} .* (\\d{15})`))[1];
}

// Sends an inquiry of another institution by the command: about a person whose requests are held.
function ask(number) {
  const person = addressee("9");
  const now = new Date(Date.now() + 9 * 3600_000).toISOString().replace(/\D/g, "");
  const fields = [["01", 2], ["", 15], [person, 15], [now, 17], ["FUKUSHI", 20], ["browser", 20], [inquirer, 16], ["0", 1], ["JM01000000121000", 16],
    ["JT01010000000214", 16], ["", 16], ["", 16], [institution, 16], ["TM00000000000002", 16], ["0", 1], ["", 1], ["", 8], ["", 8]];
  const file = `${process.env.DATA}/browser_${now.slice(0, 14)}_000${number}.DAT`;
  writeFileSync(file, fields.map(([value, width]) => value.padEnd(width)).join(",") + "\r\n");
  execFileSync(process.env.CHUKAN, ["batch", "submit", ...server, file]);
}

const seen = { bypassCSP: true };
const noScript = { javaScriptEnabled: false };

const door = await page(seen);
await door.goto(`${base}/login`);
await look(door, "login");
await door.goto(`${base}/nothing`);
await look(door, "no-page");
const watcher = await signIn("clerk2", seen);
await look(watcher, "home");
await watcher.goto(`${base}/queue`);
await look(watcher, "queue");
await watcher.click("tbody a");
await look(watcher, "provision");
await watcher.goto(`${base}/password`);
await look(watcher, "password");
for (const [account, path] of [["admin1", "/accounts"], ["admin1", "/accounts/edit?account=clerk1"], ["auditor", "/operations"], ["auditor", "/analysis"], ["auditor", "/statistics"], ["admin1", "/settings"]]) {
  const tab = await signIn(account, seen);
  await tab.goto(base + path);
  await look(tab, path.slice(1).replace(/\W.*/, (rest) => (rest.startsWith("/") ? "-edit" : "")));
}

console.log("  by keyboard alone: a clerk checks the first request");
const clerk = await signIn("clerk1");
await tabTo(clerk, 'a[href="/queue"]');
await clerk.keyboard.press("Enter");
await clerk.waitForURL(/queue/);
await tabTo(clerk, "tbody a");
await clerk.keyboard.press("Enter");
await clerk.waitForURL(/provisions/);
const first = clerk.url();
await tabTo(clerk, 'input[name="proposal"]');
await clerk.keyboard.press("Space");
await tabTo(clerk, 'form[action$="/check"] button');
await clerk.keyboard.press("Enter");
await clerk.waitForURL(/done=checked/);

const superior = await signIn("approver", seen);
await superior.goto(first);
await look(superior, "approve");

console.log("  without JavaScript: a superior approves it; a page that is stale and the way back decide nothing");
const approver = await signIn("approver", noScript);
const stale = await approver.context().newPage();
await stale.goto(first);
await approver.goto(first);
await approver.click('form[action$="/approve"] button');
await approver.waitForURL(/done=approved/);
await stale.click('form[action$="/approve"] button');
assert.match(await stale.content(), /処理できません/);
await approver.goBack();
assert.match(await approver.content(), /処理できません/);

console.log("  without JavaScript: of two clerks at once one checks, and the other is told");
const quick = await signIn("clerk1", noScript);
const slow = await signIn("clerk2", noScript);
for (const tab of [quick, slow]) {
  await tab.goto(`${base}/queue`);
  await tab.click("tbody a");
  await tab.check('input[value="provide"]');
}
await quick.click('form[action$="/check"] button');
await quick.waitForURL(/done=checked/);
await slow.click('form[action$="/check"] button');
assert.match(await slow.content(), /変更されました。開き直してください/);
const back = await signIn("approver", noScript);
await back.goto(`${base}/queue`);
await back.click("tbody a");
await back.click('form[action$="/send-back"] button');
await back.waitForURL(/done=sent-back/);

console.log("  a session that the world's clock has ended leads to the door, and decides nothing");
const tired = await signIn("clerk2", noScript);
await tired.goto(`${base}/queue`);
await tired.click("tbody a");
await tired.check('input[value="provide"]');
execFileSync(process.env.CHUKAN, ["world", "clock", "--server", process.env.GRPC, "--data", process.env.DATA, "--advance", "20m"]);
await tired.click('form[action$="/check"] button');
await tired.waitForURL(/login/);

console.log("  without JavaScript: the second request is refused by two people");
const other = await signIn("clerk1", noScript);
await other.goto(`${base}/queue`);
await other.click("tbody a");
await other.check('input[value="refuse"]');
await other.selectOption("#reason", "not_appropriate");
await other.click('form[action$="/check"] button');
await other.waitForURL(/done=checked/);
const second = await signIn("approver", noScript);
await second.goto(`${base}/queue`);
await second.click("tbody a");
await second.click('form[action$="/approve"] button');
await second.waitForURL(/done=approved/);

console.log("  without JavaScript: the third was changed after its check, so its approval is void and it is checked anew");
await second.click("tbody a");
await second.click('form[action$="/approve"] button');
assert.match(await second.content(), /変わ/);
const anew = await signIn("clerk1", noScript);
await anew.goto(`${base}/queue`);
assert.match(await anew.content(), /差し戻し 1件/);
await anew.click("tbody a");
await anew.check('input[value="provide"]');
await anew.click('form[action$="/check"] button');
await anew.waitForURL(/done=checked/);
await second.goto(`${base}/queue`);
await second.click("tbody a");
await second.click('form[action$="/approve"] button');
await second.waitForURL(/done=approved/);
assert.match(await second.content(), /対応が必要な提供依頼はありません/);

console.log("  with JavaScript: a new request appears by itself, under the terminal's own policy");
const live = await signIn("clerk2");
const faults = [];
live.on("console", (message) => message.type() === "error" && faults.push(message.text()));
live.on("pageerror", (fault) => faults.push(fault.message));
await live.goto(`${base}/queue`);
assert.equal(await live.locator("#rows tbody a").count(), 0);
ask(1);
await live.waitForSelector("#rows tbody a", { timeout: 15_000 });
assert.match(await live.textContent("#counts"), /確認待ち 1件/);
console.log("  the focus stays where it was when another request appears");
await live.focus("#rows tbody a");
const focused = await live.getAttribute("#rows tbody a", "href");
ask(2);
await live.waitForFunction(() => document.querySelectorAll("#rows tbody a").length === 2, null, { timeout: 15_000 });
assert.equal(await live.evaluate(() => document.activeElement.getAttribute("href")), focused);
console.log("  paused, the page stays as it is; resumed, it follows again");
await live.click("#pause");
assert.equal(await live.getAttribute("#pause", "aria-pressed"), "true");
ask(3);
await live.waitForTimeout(7_000);
assert.equal(await live.locator("#rows tbody a").count(), 2);
await live.click("#pause");
await live.waitForFunction(() => document.querySelectorAll("#rows tbody a").length === 3, null, { timeout: 15_000 });
assert.deepEqual(faults, []);
console.log("  when the session is over the page says so and asks no more");
await live.context().clearCookies();
await live.waitForFunction(() => document.getElementById("live").textContent.includes("自動更新を終えました"), null, { timeout: 15_000 });
const looker = await signIn("clerk2", seen);
await looker.goto(`${base}/queue`);
await look(looker, "queue-live");

console.log("  by keyboard alone: a clerk inquires and reveals the answer");
const asker = await signIn("clerk1", seen, inquirer);
await tabTo(asker, 'a[href="/inquiries"]');
await asker.keyboard.press("Enter");
await asker.waitForURL(/inquiries$/);
await tabTo(asker, 'a[href="/inquiries/new"]');
await asker.keyboard.press("Enter");
await asker.waitForURL(/new$/);
await look(asker, "inquiry-procedure");
await tabTo(asker, "#procedure");
await arrowTo(asker, "JM01000000121000/JT01010000000214");
await tabTo(asker, "main button");
await asker.keyboard.press("Enter");
await asker.waitForURL(/procedure=/);
await tabTo(asker, "#addressee");
await asker.keyboard.type(addressee("0"));
await tabTo(asker, "#provider");
await arrowTo(asker, institution);
await tabTo(asker, "#unit");
await asker.keyboard.type("FUKUSHI");
if (pictures) await asker.screenshot({ path: `${pictures}/inquiry-form.png` });
await tabTo(asker, "#addressee");
await asker.keyboard.press("Control+A");
await asker.keyboard.type("123");
await asker.keyboard.press("Enter");
await asker.waitForSelector("#addressee-flaw");
assert.equal(await asker.inputValue("#unit"), "FUKUSHI");
await look(asker, "inquiry-flawed");
await tabTo(asker, "#addressee");
await asker.keyboard.press("Control+A");
await asker.keyboard.type(addressee("0"));
await tabTo(asker, 'input[name="info"]');
await asker.keyboard.press("Space");
const form = await asker.locator('form[action="/inquiries/new"]').evaluate((sent) => [...new FormData(sent)]);
await tabTo(asker, 'form[action="/inquiries/new"] button');
await asker.keyboard.press("Enter");
await asker.waitForURL(/R\d{10}/);
const inquiry = asker.url().split("?")[0];
while (!/正常終了/.test(await asker.content())) await asker.goto(inquiry);
assert.match(await asker.content(), /値は伏せています/);
await look(asker, "inquiry");
await tabTo(asker, 'form[action$="/reveal"] button');
await asker.keyboard.press("Enter");
await asker.waitForURL(/reveal$/);
assert.match(await asker.content(), /値を表示しています/);

console.log("  the form that the way back brings is no second inquiry");
const resent = await asker.evaluate(async (fields) => (await fetch("/inquiries/new", { method: "POST", body: new URLSearchParams(fields) })).url, form);
assert.equal(resent, `${inquiry}?done=before`);

console.log("  records, nondisclosure and symbols");
const serial = (await asker.content()).match(/\d{16}-R\d{10}-\d{5}-\d{2}/)[0];
const boss = await signIn("approver", seen, inquirer);
await boss.goto(`${base}/records`);
await look(boss, "records");
await boss.click(`a[href="/records/${serial}"]`);
await look(boss, "record");
await boss.click('a[href$="/nondisclosure"]');
await look(boss, "nondisclosure");
await boss.click("main button");
await boss.waitForURL(/done=set/);
assert.match(await boss.content(), /■ 不開示/);
await boss.goto(`${base}/symbols?counts=1`);
await look(boss, "symbols-counts");
await boss.fill("#addressee", addressee("0"));
await boss.click("main button");
assert.match(await boss.content(), /符号を取得しました/);
await look(boss, "symbols");
await boss.goto(`${base}/inquiries`);
await look(boss, "inquiries");

console.log("  by keyboard alone and without JavaScript: a clerk proposes a correction of a replica");
const keeper = await signIn("clerk1", noScript);
await tabTo(keeper, 'a[href="/replicas"]');
await keeper.keyboard.press("Enter");
await keeper.waitForURL(/replicas$/);
await tabTo(keeper, "#addressee");
await keeper.keyboard.type(addressee("0", institution));
await tabTo(keeper, "#info");
await arrowTo(keeper, "TM90000000000001");
await keeper.keyboard.press("Tab");
await keeper.keyboard.press("Enter");
await keeper.waitForSelector('form[action="/replicas/view"] button');
await tabTo(keeper, 'form[action="/replicas/view"] button');
await keeper.keyboard.press("Enter");
await keeper.waitForURL(/view$/);
assert.match(await keeper.content(), /値は伏せています/);
await tabTo(keeper, 'form[action="/replicas/edit"] button');
await keeper.keyboard.press("Enter");
await keeper.waitForURL(/edit$/);
const head = '[id="v/SETAI.1/TK90000000901003"]';
await tabTo(keeper, head);
await keeper.keyboard.press("Control+A");
await keeper.keyboard.type("123456789018");
await keeper.locator("#reason").fill("届出と一致しないため");
await keeper.locator("#reason").press("Tab");
await keeper.keyboard.press("Enter");
await keeper.waitForSelector('[id="v/SETAI.1/TK90000000901003-flaw"]');
await tabTo(keeper, head);
await keeper.keyboard.press("Control+A");
await keeper.keyboard.type("架空 花子");
await tabTo(keeper, 'button[value="register"]');
await keeper.keyboard.press("Enter");
await keeper.waitForURL(/C\d{10}/);
const correction = new URL(keeper.url()).pathname;

console.log("  another person sees the difference, reveals it and approves");
const chief = await signIn("approver", seen);
await chief.goto(base + correction);
await look(chief, "correction");
await chief.click('form[action$="/reveal"] button');
assert.match(await chief.content(), /架空 花子/);
await look(chief, "correction-shown");
await chief.click('form[action$="/approve"] button');
await chief.waitForURL(/done=approved/);
await look(chief, "corrections");

console.log("  at 200 % zoom no page scrolls sideways");
const small = { ...seen, viewport: { width: 512, height: 384 }, deviceScaleFactor: 2 };
for (const options of [seen, small]) {
  const near = await signIn("clerk1", options);
  await near.goto(`${base}/replicas`);
  await near.fill("#addressee", addressee("0", institution));
  await near.click('form[action="/replicas"] button');
  await fits(near, "replicas");
  await look(near, options === seen ? "replicas" : "zoomed-replicas");
  await near.click('form[action="/replicas/view"] button');
  await fits(near, "replica");
  await look(near, options === seen ? "replica" : "zoomed-replica");
  await near.click('form[action="/replicas/edit"] button');
  await fits(near, "replica form");
  await look(near, options === seen ? "replica-form" : "zoomed-replica-form");
  for (const path of ["/corrections", correction]) {
    await near.goto(base + path);
    await fits(near, path);
  }
}
const offices = [["admin1", "/accounts"], ["admin1", "/accounts/edit?account=clerk1"], ["admin1", "/settings"], ["auditor", "/operations"], ["auditor", "/analysis"],
  ["approver", "/statistics"], ["approver", "/password"]];
for (const [account, path] of offices) {
  const near = await signIn(account, small);
  await near.goto(base + path);
  await look(near, `zoomed${path.replace(/\W/g, "-")}`);
}
const clerks = await signIn("clerk1", small);
await clerks.goto(`${base}/queue`);
await clerks.click("tbody a");
await look(clerks, "zoomed-provision");
for (const account of ["clerk1", "approver"]) {
  const near = await signIn(account, small, inquirer);
  for (const path of ["/", "/queue", "/inquiries", "/inquiries/new", "/inquiries/new?procedure=JM01000000121000/JT01010000000214", "/records", `/records/${serial}`,
    `/records/${serial}/nondisclosure`, "/symbols?counts=1", new URL(inquiry).pathname]) {
    await near.goto(base + path);
    await fits(near, `${account} ${path}`);
    if (pictures && path.includes("procedure=")) await near.screenshot({ path: `${pictures}/zoomed-${account}.png`, fullPage: true });
  }
}
await browser.close();
console.log("the terminal works in the browser");
