import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Tells tests where the server is and how its tokens are made. */
const URL_OF = "TENANTRY_UI_URL";
const SECRET_OF = "TENANTRY_UI_SECRET";

export function program(): string {
  const path = process.env.TENANTRY_API_SERVER;
  if (!path) throw new Error("TENANTRY_API_SERVER must name the program api-server");
  return path;
}

/** Where a server is, and how tokens for it are made. */
export interface Place {
  readonly url: string;
  readonly secret: string;
}

/** How a server is otherwise than usual. */
export interface Wish {
  /** Requests a second that it takes of one person or address; as good as all unless given. */
  readonly rate?: number;
  /** Whether people make tenants of approved requests; a folder gets them as files unless so. */
  readonly byHand?: boolean;
  /** Further arguments. */
  readonly more?: readonly string[];
  /** Arguments of `accounts create`, for each account that was there before, without its folder. */
  readonly accounts?: readonly (readonly string[])[];
}

/** Adds accounts to a ledger whose plans were published once, while nobody serves it. */
async function create(wish: Wish, storage: string, args: readonly string[]): Promise<void> {
  if (!wish.accounts) return;
  const server = spawn(program(), args, { env: {}, stdio: ["ignore", "ignore", "pipe"] });
  await serving(server);
  await ended(server);
  for (const account of wish.accounts) {
    execFileSync(program(), ["accounts", "create", ...account, "--storage", storage], {
      env: {},
      stdio: ["ignore", "ignore", "pipe"],
    });
  }
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const over = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await over;
}

/** A real server, on a ledger and ports of its own, and how it is ended. */
export async function start(wish: Wish = {}): Promise<Place & { stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "tenantry-ui-server-"));
  const secret = join(folder, "secret");
  mkdirSync(join(folder, "tenants"));
  writeFileSync(secret, randomBytes(32).toString("hex"));
  const storage = join(folder, "billing");
  const rate = wish.rate ?? 1_000_000;
  const rates = ["public", "read", "write"].map((kind) => `--rate-${kind}=${rate}`);
  rates.push("--rate-onboarding=1000000");
  const at = ["--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"];
  const files = ["--provision", "manifests", "--provision-folder", join(folder, "tenants")];
  const tenants = wish.byHand ? ["--provision", "none"] : files;
  const kept = ["--storage", storage, "--development-secret-file", secret];
  const args = ["serve", ...at, ...kept, ...tenants, ...rates, ...(wish.more ?? [])];
  await create(wish, storage, args);
  const server = spawn(program(), args, { env: {}, stdio: ["ignore", "ignore", "pipe"] });
  const address = await serving(server);
  const stop = async () => {
    await ended(server);
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `http://${address}`, secret, stop };
}

/** The server of all tests that need none of their own, until the run ends. */
export default async function setup(): Promise<() => Promise<void>> {
  // One that somebody started, for work on the pages: with its secret's file beside it.
  if (process.env[URL_OF]) return async () => {};
  const { url, secret, stop } = await start();
  process.env[URL_OF] = url;
  process.env[SECRET_OF] = secret;
  return stop;
}

/** The address on which a server says that it serves. The rest of what it says is read and let go. */
export function serving(server: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    const said: string[] = [];
    server.once("error", failed);
    server.once("exit", (code) =>
      failed(new Error(`api-server ended (${code}): ${said.join("\n")}`)),
    );
    if (!server.stderr) throw new Error("no standard error");
    createInterface({ input: server.stderr }).on("line", (line) => {
      if (said.length < 50) said.push(line);
      const entry = JSON.parse(line) as { message?: string; address?: string };
      if (entry.message === "serving" && entry.address) found(entry.address);
    });
  });
}

export function url(): string {
  return process.env[URL_OF] ?? "";
}

interface About {
  /** For which server; for everybody's unless given. */
  readonly place?: Place;
  readonly audience?: string;
  readonly role?: string | null;
  readonly tenant?: string;
  /** For how long it is good; an hour unless given. */
  readonly seconds?: number;
}

/** A token, as the program's own subcommand makes it; `scope` may be several. */
export function token(scope: string, about: About = {}): string {
  const { place, audience = "billing", role = "CustomerSuccessManager", tenant, seconds } = about;
  const secret = place?.secret ?? process.env[SECRET_OF] ?? "";
  const said = ["--audience", audience, ...scope.split(" ").flatMap((one) => ["--scope", one])];
  if (role !== null) said.push("--role", role);
  if (tenant !== undefined) said.push("--tenant", tenant);
  if (seconds !== undefined) said.push("--seconds", String(seconds));
  const made = execFileSync(program(), ["token", "--development-secret-file", secret, ...said], {
    env: {},
  });
  return made.toString().trim();
}

/** Where the secret is that tokens are made with. */
export function secretFile(): string {
  return process.env[SECRET_OF] ?? "";
}
