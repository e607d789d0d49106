/**
 * Makes docs/images/page.png: the page of a running api, with its example text, in Chromium.
 *
 *     node dist/bench/page-picture.js [http://localhost:5000] [docs/images/page.png]
 */
import { chromium } from "playwright-core";
import { findChromium } from "./chromium.js";

const [address = "http://localhost:5000", file = "docs/images/page.png"] = process.argv.slice(2);
const executablePath = findChromium();
if (!executablePath) throw new Error("There is no Chromium. Install it, or set the variable CHROMIUM to its path.");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1240, height: 800 }, colorScheme: "light" });
  await page.goto(address);
  await page.getByRole("button", { name: "Try an example" }).click();
  await page.getByLabel("Meant for").selectOption("6");
  await page.getByText("the remainder of").waitFor(); // the last figure to come
  await page.getByText("Score", { exact: true }).click(); // takes the focus out of the text
  await page.locator('.progress[data-state="fresh"]').waitFor();
  await page.screenshot({ path: file });
} finally {
  await browser.close();
}
