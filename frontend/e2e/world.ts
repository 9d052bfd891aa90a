/** Servers that states of the pages need: with customers, in a hurry, stingy, new. */
import { fileURLToPath } from "node:url";
import { approving, type Customer, OVERDUE, takeOn, told, used, WELL } from "./customers";
import { type Place, start, token } from "./server";
import { test as base, expect } from "./test";

const DAY = 86_400_000;

/** A file beside this one. */
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** For how long the first customer is there; more than a tenth of a period, less than a whole one. */
const DAYS = 20;

export const LONG = `Initech Verwaltungs- und Beteiligungsgesellschaft ${"für Rechtsdienste ".repeat(2)}mbH`;
export const RIGHT_TO_LEFT = "شركة المظلة للخدمات القانونية";

const CUSTOMERS: readonly Customer[] = [
  { id: "globex", name: "Globex", facts: OVERDUE, used: { agents: ["30"] }, answers: [1, 2, 9] },
  { id: "initech", name: LONG, used: { ingestion: ["480"] } },
  { id: "umbrella", name: RIGHT_TO_LEFT, facts: null },
];

/** The day on which a period begins that holds all days of the first customer. */
function begin(): Date {
  const since = new Date(Date.now() - DAYS * DAY);
  since.setUTCHours(0, 0, 0, 0);
  // The last day that every month has.
  if (since.getUTCDate() > 28) since.setUTCDate(28);
  return since;
}

function acme(): readonly string[] {
  const since = begin();
  const day = String(since.getUTCDate());
  const about = ["--name", "Acme Legal", "--plan", "team@1", "--anchor-day", day];
  return ["acme", ...about, "--since", since.toISOString()];
}

/** What Acme used, day by day: more on working days, as people do. */
function history(): { time: string; quantity: string }[] {
  const all: { time: string; quantity: string }[] = [];
  for (let at = begin().getTime() + DAY / 2; at < Date.now(); at += DAY) {
    const day = new Date(at);
    const quiet = [0, 6].includes(day.getUTCDay());
    const quantity = String((quiet ? 6 : 21) + (day.getUTCDate() % 5));
    all.push({ time: day.toISOString(), quantity });
  }
  return all;
}

export type Server = Place & { readonly stop: () => Promise<void> };

/** A server with a customer that has a history, and others. */
export async function inhabited(
  more: readonly string[],
  renewed: (row: Row) => boolean = (row) => !row.as_of.stale,
): Promise<Server> {
  const server = await start({ accounts: [acme()], more });
  await used(server, "acme", "ingestion", history());
  await told(server, approving(server), { id: "acme", facts: WELL, answers: [1, 3, 2] });
  await takeOn(server, CUSTOMERS);
  const headers = { authorization: `Bearer ${token("billing:read", { place: server })}` };
  const known = async () => {
    const answer = await fetch(`${server.url}/billing/usage?page[size]=100`, { headers });
    const { data } = (await answer.json()) as { data: Row[] };
    return data.filter((row) => renewed(row) && row.as_of.behind === 0 && row.name).length;
  };
  await expect.poll(known, { timeout: 300_000 }).toBe(CUSTOMERS.length + 1);
  return server;
}

interface Row {
  readonly name: string;
  readonly as_of: { readonly stale: boolean; readonly behind: number };
}

export interface World {
  /** With customers, of whom one has a projection. */
  readonly inhabited: Place;
  /** It sums up later than it promises, for some seconds each time. */
  readonly late: Place;
  /** It takes one request a second of each. */
  readonly stingy: Place;
  /** Nobody is there, and nobody comes. */
  readonly empty: Place;
  /** It has plans, and none of them is on sale. */
  readonly drafts: Place;
  /** It sells for yen and for euros. */
  readonly abroad: Place;
  /** Whoever runs it makes tenants by hand. */
  readonly byHand: Place;
  /** For those who write what they like. */
  readonly open: Place;
}

type Made = { readonly [Name in keyof World]: () => Promise<World[Name]> };

/** Servers that are started when a test asks for them, once for each worker. */
// biome-ignore lint/complexity/noBannedTypes: no fixture of each test is added
export const test = base.extend<{}, { world: Made }>({
  world: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
    async ({}, use) => {
      const made = new Map<string, Promise<Server>>();
      const once = (name: string, make: () => Promise<Server>) => () => {
        const known = made.get(name) ?? make();
        made.set(name, known);
        return known;
      };
      await use({
        inhabited: once("inhabited", () => inhabited(["--snapshot-interval", "20"])),
        late: once("late", () => inhabited(["--snapshot-interval", "1"], () => true)),
        stingy: once("stingy", () => start({ rate: 1 })),
        empty: once("empty", () => start()),
        drafts: once("drafts", () => start({ more: ["--plans", file("plans-drafts.yaml")] })),
        abroad: once("abroad", () => start({ more: ["--plans", file("plans-abroad.yaml")] })),
        byHand: once("byHand", () => start({ byHand: true })),
        open: once("open", () => start()),
      });
      for (const server of made.values()) await (await server).stop();
    },
    { scope: "worker", timeout: 900_000 },
  ],
});
