/**
 * The chat's page in a real browser, beside `nc`. It is opened once, from Node: what it does there does not depend on the runtime
 * that drives it. With `SCREENSHOT=docs/chat.png` in the environment, it is what the README shows.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { becomes, chromium, type Page, skip, Tabs, title } from "../../support/browser.ts";
import { Cable } from "../../support/cable.ts";
import { command, Program } from "../../support/programs.ts";

function start(): Program {
  return new Program(command("node", "examples/chat_server.ts", "--port", "0", "--web", "0"));
}

async function pageOf(program: Program): Promise<string> {
  const [, url] = await program.line(/^web page on (http:\S+)$/);
  return url!;
}

async function say(page: Page, line: string): Promise<void> {
  await page.fill("#line", line);
  await page.press("#line", "Enter");
}

/** Resolves when the page shows a line that ends so. */
async function shows(page: Page, text: string): Promise<void> {
  await becomes(
    page,
    `[...document.querySelectorAll("#log li")].some((li) => li.textContent.endsWith(${
      JSON.stringify(text)
    }))`,
  );
}

function lists(page: Page, id: string, expected: readonly string[]): Promise<unknown> {
  const shown = `[...document.querySelectorAll("#${id} li")].map((li) => li.textContent)`;
  return becomes(page, `${shown}.join() === ${JSON.stringify(expected.join())}`);
}

async function arrive(page: Page, nick: string): Promise<void> {
  await becomes(page, 'document.querySelector("#state").textContent === "connected"');
  await say(page, nick);
  await becomes(page, `document.querySelector("#label").textContent === "${nick}"`);
}

/** `nc`, which somebody types in. */
class Netcat {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;

  constructor(port: number) {
    this.#child = spawn("nc", ["127.0.0.1", String(port)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  type(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  async until(expected: string): Promise<void> {
    for (;;) {
      const { done, value } = await this.#lines.next();
      if (done) throw new Error(`nc has ended without ${expected}`);
      if (value === expected) return;
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

test(title("two tabs of a browser and one nc talk with each other"), skip, async () => {
  assert(chromium !== undefined, "CI must have Chromium: apt-get install chromium");
  await using program = start();
  const port = await program.listening();
  const url = await pageOf(program);
  await using tabs = await Tabs.launch(chromium);
  using eve = new Netcat(port);
  eve.type("eve");
  await eve.until("* in lobby there are 1: eve");
  eve.type("Is anybody here?");
  await eve.until("eve: Is anybody here?");

  const [ada, bob] = [await tabs.open(url), await tabs.open(url)];
  await arrive(ada, "ada");
  await shows(ada, "Is anybody here?"); // said before it came
  await arrive(bob, "bob");
  await lists(ada, "members", ["ada", "bob", "eve"]);
  await eve.until("* bob joins lobby");

  await say(ada, "Yes: I am in a browser.");
  await say(bob, 'So am I, with <b onclick="x">brackets</b> & all.');
  await eve.until('bob: So am I, with <b onclick="x">brackets</b> & all.');
  await shows(ada, 'So am I, with <b onclick="x">brackets</b> & all.');
  assertEquals(await ada.evaluate('document.querySelectorAll("#log b").length'), 0);
  eve.type("I am in a terminal, with nc.");
  for (const page of [ada, bob]) await shows(page, "I am in a terminal, with nc.");
  await say(bob, "/msg eve psst");
  await eve.until("(bob) psst");
  eve.type("/msg ada hush");
  await shows(ada, "to you: hush");
  await say(ada, "/dance");
  await shows(ada, "but there are /join /nick /who /rooms /msg /help /quit");

  await say(bob, "/join tea");
  await lists(bob, "members", ["bob"]);
  await lists(ada, "rooms", ["#lobby2", "#tea1"]);
  await lists(ada, "members", ["ada", "eve"]);
  await say(bob, "Who wants some?");
  await shows(bob, "Who wants some?");
  await ada.click("#rooms button:not(.is-current)");
  await shows(ada, "Who wants some?");
  await lists(bob, "members", ["ada", "bob"]);
  await say(ada, "/join lobby");
  await lists(ada, "members", ["ada", "eve"]);
  await shows(ada, "I am in a terminal, with nc."); // remembered
  const file = process.env["SCREENSHOT"];
  if (file) {
    using joe = new Netcat(port);
    for (const line of ["joe", "/join tea"]) joe.type(line);
    await joe.until("* you are in tea");
    await say(bob, "/join lobby");
    await lists(ada, "members", ["ada", "bob", "eve"]);
    await lists(ada, "rooms", ["#lobby3", "#tea1"]);
    await ada.screenshot({ path: file });
  }
  assertEquals(tabs.errors, []);
});

test(
  title("the page is connected again, with its name and room, when the server is back"),
  skip,
  async () => {
    assert(chromium !== undefined, "CI must have Chromium: apt-get install chromium");
    const portOf = async (program: Program): Promise<number> =>
      Number(new URL(await pageOf(program)).port);
    const program = start();
    using cable = await Cable.to(await portOf(program));
    await using tabs = await Tabs.launch(chromium);
    const ada = await tabs.open(`http://127.0.0.1:${cable.port}/`);
    await arrive(ada, "ada");
    await say(ada, "/join tea");
    await becomes(ada, 'document.querySelector("#room").textContent === "#tea"');
    cable.cut();
    await program[Symbol.asyncDispose]();
    await becomes(ada, 'document.querySelector("#state").className === ""');
    await using again = start();
    cable.mend(await portOf(again));
    await becomes(ada, 'document.querySelector("#state").className === "is-connected"');
    await lists(ada, "rooms", ["#tea1"]);
    await say(ada, "I am back");
    await shows(ada, "I am back");
    await ada.reload();
    await shows(ada, "I am back");
    assertEquals(tabs.errors, []);
  },
);
