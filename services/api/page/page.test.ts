import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "../../../bench/chromium.js";
import type { ModelVersion } from "../../../lib/repository/repository.js";
import { createScheduler } from "../../../lib/serving/scheduler.js";
import { shipped } from "../../../lib/system/package-files.js";
import { fakeEngine, fixedSource, keepLog, wordTokenizer } from "../../../test/fakes.js";
import { writeRepository } from "../../../test/repositories.js";
import { buildApp } from "../app.js";
import type { Keys } from "../keys.js";

const executablePath = findChromium();
const missing = "there is no Chromium; install it with: apt-get install chromium";
if (!executablePath) console.warn(`The page is not tested: ${missing}`);

it.runIf(process.env.CI)("has a Chromium to be tested in", () => expect(executablePath, missing).toBeDefined());

it("takes less than 60 kB, compressed", () => {
  const folder = shipped("dist/services/api/page");
  const files = ["index.html", ...readdirSync(join(folder, "assets")).map((name) => `assets/${name}`)];
  const bytes = files.map((file) => gzipSync(readFileSync(join(folder, file))).length);
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(60_000);
});

/** Scores by the mean length of words, so that long words make a text hard. */
const score = (ids: readonly number[]) => {
  const lengths = ids.slice(1, -1).map((id) => id - 10);
  return Math.fround(2 - lengths.reduce((sum, length) => sum + length, 0) / lengths.length / 2);
};
const tables = {
  intervals: [{ coverage: 0.8, half_width: 0.7 }],
  percentiles: Array.from({ length: 101 }, (_, percent) => (percent - 60) / 20),
  grades: [
    { score: -3, grade: 12 },
    { score: 2, grade: 2 },
  ],
  data: { fingerprint: "none", rows: 2834 },
  validation_rmse: 0.55,
};

const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 20_000 });

const easy = "The cat sat on the mat. It was a hot day and the cat was too hot to run or play with us, so it sat and had a nap in the sun.";
const hard = "Notwithstanding considerable institutional reservations, municipal representatives authorized construction.";
const text = `${easy} ${hard} The cat did not care.`;

describe.skipIf(!executablePath)("in Chromium", { timeout: 60_000 }, () => {
  let folder: string;
  let version: ModelVersion;
  let browser: Browser;
  let serve: (keys?: Keys) => Promise<string>;
  let usual: string;
  const apps: FastifyInstance[] = [];
  const closings: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "page-"));
    version = writeRepository(folder, { version: 3, metadata: tables });
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
    const model = { engine: fakeEngine(score), tokenizer: wordTokenizer, maxLength: 200, name: "words", version };
    serve = async (keys) => {
      const scheduler = createScheduler({ width: 4, maxRequests: 10 });
      const limits = { cacheSize: 0, timeout: 5000, bodyLimit: 1 << 20 };
      const app = buildApp({ source: fixedSource(model), scheduler, ...limits, keys, log: keepLog().log });
      apps.push(app);
      await app.listen({ port: 0, host: "127.0.0.1" });
      return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    };
    usual = await serve();
  });
  afterEach(async () => {
    await Promise.all(closings.splice(0).map((close) => close()));
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all(apps.map((app) => app.close()));
    rmSync(folder, { recursive: true });
  });

  /** Opens the page. When the test ends, it must have broken no policy, asked no other server and kept nothing. */
  async function open(options: BrowserContextOptions = {}, prepare?: () => void, address = usual) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const strangers: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(address)) strangers.push(request.url());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Content-Security-Policy/.test(message.text())) errors.push(message.text());
    });
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`Content Security Policy: ${event.violatedDirective}`));
    });
    if (prepare) await page.addInitScript(prepare);
    await page.goto(address);
    closings.push(async () => {
      const kept = await page.evaluate(() => localStorage.length + sessionStorage.length);
      const cookies = await context.cookies();
      await context.close();
      expect({ strangers, errors, kept, cookies }).toEqual({ strangers: [], errors: [], kept: 0, cookies: [] });
    });
    return page;
  }

  const editorOf = (page: Page) => page.getByRole("textbox", { name: "Text to score" });
  const numberOf = (page: Page) => page.locator(".score .number");
  const hardestOf = (page: Page) => page.locator(".hardest li button");
  const settle = (page: Page) => page.locator('.progress[data-state="fresh"]').waitFor();
  const selectionOf = (page: Page) => page.evaluate(() => getSelection()!.toString());
  const paste = (page: Page, pasted: string) =>
    editorOf(page).evaluate((element, data) => {
      element.focus();
      const dataTransfer = new DataTransfer();
      dataTransfer.setData("text/plain", data);
      element.dispatchEvent(new InputEvent("beforeinput", { inputType: "insertFromPaste", dataTransfer, bubbles: true, cancelable: true }));
    }, pasted);
  const drop = (page: Page, name: string, content: string | number[]) =>
    page.evaluate(
      ([name, content]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([typeof content === "string" ? content : new Uint8Array(content)], name));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      },
      [name, content] as const,
    );

  it("scores what is typed, and says so to screen readers", async () => {
    const page = await open();
    await editorOf(page).pressSequentially("The cat sat on the mat.");
    await eventually(() => numberOf(page).textContent()).toBe("0.5");
    await eventually(() => page.getByRole("status").textContent()).toMatch(
      /^Score 0\.5, between −0\.2 and 1\.2 with 80 % probability\. Grades 4 to 6\./,
    );
    await eventually(() => page.locator(".warnings").textContent()).toContain("This is short.");
    expect(await page.getByRole("img").getAttribute("aria-label")).toContain("from hard, on the left, to easy");
  });

  it("claims nothing but the score for what is no English prose", async () => {
    const page = await open();
    await paste(page, "Der Hund läuft über die Straße. Er sieht einen anderen Hund und bellt laut. Am Abend kommt er müde nach Hause.");
    await settle(page);
    await eventually(() => page.locator(".warnings").textContent()).toContain("not seem to be English");
    expect(await page.locator(".score").textContent()).not.toMatch(/probability|Easier than/);
    expect(await page.getByRole("img").locator(".interval").count()).toBe(0);
  });

  it("scores an edited text again, and cancels the request for the text before", async () => {
    const page = await open();
    await paste(page, "The cat sat on the mat.");
    await settle(page);
    let held = true;
    const cancelled: string[] = [];
    page.on("requestfailed", (request) => cancelled.push(request.postData() ?? ""));
    await page.route("**/v1/score", async (route) => {
      while (held) await new Promise((resolve) => setTimeout(resolve, 20));
      await route.continue().catch(() => {});
    });
    const asked = page.waitForRequest("**/v1/score");
    await editorOf(page).press("End");
    await editorOf(page).pressSequentially(" It slept.");
    await asked;
    await editorOf(page).pressSequentially(" Extraordinarily!");
    await eventually(() => cancelled.length).toBe(1);
    expect(await page.locator(".progress").getAttribute("data-state")).not.toBe("fresh");
    held = false;
    await settle(page);
    expect(await numberOf(page).textContent()).toBe("−0.3");
  });

  it("lists the hardest sentences; the keyboard's focus there moves the selection, and Enter goes there", async () => {
    const page = await open();
    await paste(page, text);
    const [first] = [hardestOf(page).first()];
    await first.waitFor();
    expect(await first.textContent()).toMatch(/^Notwithstanding .*without this sentence: \+\d\.\d\d.*much harder/);
    await first.focus();
    expect(await selectionOf(page)).toBe(hard);
    expect(await first.evaluate((element) => element === document.activeElement)).toBe(true);
    await first.press("Enter");
    expect(await editorOf(page).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.type("They built it.");
    await settle(page);
    await eventually(() => page.locator(".hardest").textContent()).not.toContain("Notwithstanding");
    expect(await editorOf(page).innerText()).toBe(`${easy} They built it. The cat did not care.`);
  });

  it("tints hard sentences, and with marks where the browser has no highlights", async () => {
    const page = await open();
    await paste(page, text);
    await hardestOf(page).first().waitFor();
    const tinted = () => page.evaluate(() => [...CSS.highlights.get("hard-3")!].map(String));
    await eventually(tinted).toEqual([hard]);
    const old = await open({}, () => Reflect.deleteProperty(CSS, "highlights"));
    await paste(old, text);
    await eventually(() => old.locator(".marks mark.hard-3").allTextContents()).toEqual([hard]);
    expect(await old.locator(".marks").textContent()).toBe(text);
  });

  it("shows what the listed sentences do together, and the remainder", async () => {
    const page = await open();
    await paste(page, `${text} Incomprehensibly, extraordinary circumstances intervened.`);
    await eventually(() => page.locator(".hardest").textContent()).toMatch(
      /Without all 2, the score would change by \+\d\.\d\d\. The effects above add up to \+\d\.\d\d; the remainder of .\d\.\d\d/,
    );
  });

  it("compares with an earlier version and restores it", async () => {
    const page = await open();
    await paste(page, text);
    await settle(page);
    await page.getByRole("button", { name: "Keep as earlier version" }).click();
    await eventually(() => page.locator(".earlier").textContent()).toContain("The text is the same.");
    await hardestOf(page).first().press("Enter");
    await page.keyboard.press("Delete");
    await settle(page);
    await eventually(() => page.locator(".earlier .difference").textContent()).toMatch(/^\+\d\.\d\d$/);
    await eventually(() => page.locator(".earlier").textContent()).toMatch(/probably/);
    await page.getByRole("button", { name: "Restore" }).click();
    expect(await editorOf(page).innerText()).toBe(text);
    await editorOf(page).press("Control+z");
    expect(await editorOf(page).innerText()).not.toContain("Notwithstanding");
  });

  it("judges a target grade and a target score", async () => {
    const page = await open();
    await paste(page, text);
    await settle(page);
    const verdict = page.locator(".verdict");
    await page.getByLabel("Meant for").selectOption("12");
    await eventually(() => verdict.textContent()).toMatch(/^Easy enough for grade 12/);
    const offered = await page.getByLabel("Meant for").locator("option").allTextContents();
    expect(offered.filter((name) => /^grade/.test(name))).toEqual(Array.from({ length: 11 }, (_, i) => `grade ${i + 2}`)); // none that no passage has
    await page.getByLabel("Meant for").selectOption("score");
    await page.getByLabel("Target score").fill("1.9");
    await eventually(() => verdict.textContent()).toMatch(/^Too hard for that score/);
  });

  it("opens dropped files, and says which it cannot read", async () => {
    const page = await open();
    await drop(page, "bees.md", "# Bees\n\nBees are *small*.\n");
    await eventually(() => editorOf(page).innerText()).toBe("Bees\n\nBees are small.");
    await settle(page);
    const problem = page.getByRole("alert");
    await drop(page, "a.txt", [0x63, 0xe9]);
    await eventually(() => problem.textContent()).toContain("not in UTF-8");
    await drop(page, "a.docx", "x");
    await eventually(() => problem.textContent()).toContain("reads .txt and .md files");
    expect(await editorOf(page).innerText()).toBe("Bees\n\nBees are small.");
  });

  it("works with the keyboard alone", async () => {
    const page = await open();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement!.textContent)).toBe("Skip to the score");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // Try an example
    await settle(page);
    await hardestOf(page).first().waitFor();
    expect(await editorOf(page).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("Tab");
    const names: (string | null)[] = [];
    for (let i = 0; i < 12; i++) {
      names.push(await page.evaluate(() => document.activeElement!.id || document.activeElement!.textContent));
      await page.keyboard.press("Tab");
    }
    expect(names[0]).toBe("target");
    expect(names[1]).toMatch(/^Notwithstanding/);
    expect(names).toContain("Keep as earlier version");
  });

  it("edits as a plain text: lines, pasting, undoing, clearing", async () => {
    const page = await open();
    const editor = editorOf(page);
    await editor.pressSequentially("One.");
    await editor.press("Enter");
    await editor.press("Enter");
    await editor.pressSequentially("Two.");
    await paste(page, "\r\n\r\nThree.");
    const scored = page.waitForRequest((request) => request.postDataJSON()?.text === "One.\n\nTwo.\n\nThree.");
    await scored;
    await editor.press("Control+z");
    expect(await editor.innerText()).toBe("One.\n\nTwo.");
    await editor.press("Control+Shift+z");
    expect(await editor.innerText()).toBe("One.\n\nTwo.\n\nThree.");
    await editor.press("Control+a");
    await editor.press("Backspace");
    await eventually(() => page.locator(".placeholder").count()).toBe(1);
    expect(await numberOf(page).count()).toBe(0);
  });

  it("replaces any part of a long text and takes all of it back", async () => {
    const page = await open();
    await paste(page, Array.from({ length: 40 }, (_, i) => `${i}. ${easy}`).join("\n\n"));
    const problems = await editorOf(page).evaluate((element) => {
      let seed = 1;
      const below = (limit: number) => {
        seed = (seed * 48271) % 2147483647;
        return seed % limit;
      };
      const own = (block: Element) => block.textContent!.replace(/\n$/, "");
      const read = () => [...element.children].map(own).join("\n");
      const whole = read();
      const problems: unknown[] = [];
      const inserts = ["", "x", "\n", "\n\n", "Some words.\n", "\nA line.\n\nAnother. ".repeat(60)];
      for (let step = 0; step < 150; step++) {
        const blocks = [...element.children];
        const [first, last] = [below(blocks.length), below(blocks.length)].sort((a, b) => a - b) as [number, number];
        const wide = below(10) === 0; // else within a block, or all of it
        const end = wide ? last : first;
        const [from, to] =
          below(4) === 0 ? [0, own(blocks[end]!).length] : [0, 0].map(() => below(own(blocks[end]!).length + 1)).sort((a, b) => a - b);
        const begin = first === end ? from! : Math.min(from!, own(blocks[first]!).length);
        const startOf = (i: number) => blocks.slice(0, i).reduce((sum, block) => sum + own(block).length + 1, 0);
        const before = read();
        const inserted = inserts[below(inserts.length)]!;
        const expected = before.slice(0, startOf(first) + begin) + inserted + before.slice(startOf(end) + to!);
        element.focus();
        getSelection()!.setBaseAndExtent(blocks[first]!.firstChild ?? element, begin, blocks[end]!.firstChild ?? element, to!);
        const dataTransfer = new DataTransfer();
        dataTransfer.setData("text/plain", inserted);
        element.dispatchEvent(
          new InputEvent("beforeinput", { inputType: "insertFromPaste", dataTransfer, bubbles: true, cancelable: true }),
        );
        if (read() !== expected) problems.push({ step, first, end, begin, to, inserted, expected: expected.length, got: read().length });
      }
      for (let step = 0; step < 150 && read() !== whole; step++)
        element.dispatchEvent(new InputEvent("beforeinput", { inputType: "historyUndo", bubbles: true, cancelable: true }));
      if (read() !== whole) problems.push("undoing does not restore the text");
      return problems;
    });
    expect(problems).toEqual([]);
  });

  it("shows the api's errors and what to do, and tries again", async () => {
    const page = await open();
    const problem = { status: 503, code: "overloaded", detail: "Too many requests are in progress. Try again in a few seconds." };
    await page.route("**/v1/score", (route) =>
      route.fulfill({
        status: 503,
        headers: { "retry-after": "60" },
        contentType: "application/problem+json",
        body: JSON.stringify(problem),
      }),
    );
    await paste(page, text);
    await eventually(() => page.getByRole("alert").textContent()).toContain(`${problem.detail}The page tries again in 60 s.`);
    await page.unroute("**/v1/score");
    await page.route("**/v1/score", (route) => route.abort());
    await page.getByRole("button", { name: "Try again now" }).click();
    await eventually(() => page.getByRole("alert").textContent()).toContain("The server did not answer.");
    await page.unroute("**/v1/score");
    await page.getByRole("button", { name: "Try again now" }).click();
    await settle(page);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("asks for an API key where the server does", async () => {
    const address = await serve({ find: (key) => (key === "secret" ? "a teacher" : undefined), poll: async () => {} });
    const page = await open({}, undefined, address);
    await paste(page, text);
    await page.getByLabel("API key").fill("guess");
    await page.getByLabel("API key").press("Enter");
    await page.getByLabel("API key").fill("secret");
    await page.getByRole("button", { name: "Use it" }).click();
    await settle(page);
    await page.locator(".distribution").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it.each([
    ["light", "a phone", { colorScheme: "light", viewport: { width: 360, height: 740 } }],
    ["dark", "a desk", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
    ["light", "a desk", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ] as const)("axe finds nothing: %s on %s", async (colorScheme, _, options) => {
    const page = await open(options);
    const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const audit = async () => {
      await page.evaluate(source); // as the debugger does it, so the page's policy allows it
      const found = await page.evaluate(async () => {
        const { violations } = await (
          globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
        ).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      });
      expect(found).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    };
    await audit();
    await paste(page, text);
    await hardestOf(page).first().waitFor();
    await page.getByRole("button", { name: "Keep as earlier version" }).click();
    await page.getByLabel("Meant for").selectOption("score");
    await settle(page);
    await audit();
    await drop(page, "a.docx", "x");
    await page.route("**/v1/score", (route) => route.abort());
    await paste(page, "More. ");
    await page.getByText("The server did not answer.").waitFor();
    await audit();
    const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(Number(/\d+/.exec(background)![0]) > 128).toBe(colorScheme === "light");
  });

  it("prints the text and the results without the controls", async () => {
    const page = await open();
    await paste(page, text);
    await hardestOf(page).first().waitFor();
    await page.emulateMedia({ media: "print" });
    for (const name of ["Open a file", "Print", "Keep as earlier version"])
      expect(await page.getByRole("button", { name }).isVisible()).toBe(false);
    expect(await hardestOf(page).first().isVisible()).toBe(true);
  });

  it("holds 20,000 words without a long task, and scores the sentences of what is on screen", async () => {
    const page = await open();
    const long = Array.from({ length: 600 }, (_, i) => `Paragraph ${i}. ${i % 4 === 1 ? text : easy}`).join("\n\n");
    expect(long.split(/\s+/).length).toBeGreaterThan(20_000);
    // A slow or busy machine takes longer for everything, so the limit is relative to a fixed piece of work.
    const slowness = await page.evaluate(() => {
      const began = performance.now();
      for (let i = 0, x = ""; i < 300_000; i++) x = String(i) + x.slice(0, 5);
      return (performance.now() - began) / 25;
    });
    await page.evaluate(() => {
      const tasks: number[] = [];
      Object.assign(globalThis, { tasks });
      new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        entryTypes: ["longtask"],
      });
    });
    await paste(page, long);
    await settle(page);
    await eventually(() => page.locator(".coverage").textContent()).toMatch(/: [1-9]\d? of \d{2,3} passages so far/);
    await editorOf(page).press("Control+Home");
    await editorOf(page).pressSequentially("A few more words. ");
    await settle(page);
    await hardestOf(page).first().focus();
    const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks);
    expect(tasks.filter((duration) => duration > 50 * Math.max(1, slowness))).toEqual([]);
    const before = Number(/(\d+) of/.exec((await page.locator(".coverage").textContent())!)![1]);
    await page.getByRole("button", { name: "Score them all" }).click();
    await eventually(async () => Number(/(\d+) of/.exec((await page.locator(".coverage").textContent())!)![1])).toBeGreaterThan(before);
    await page.getByRole("button", { name: "Stop" }).click();
    await settle(page);
  });
});
